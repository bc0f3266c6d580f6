from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "punchcard.members"
    label = "members"
