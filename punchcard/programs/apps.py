from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    name = "punchcard.programs"
    label = "programs"
