from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "punchcard.access"
    label = "access"
