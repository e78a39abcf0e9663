"""Take the counters of requests out of the write-ahead log; Django has no option of a model for that."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_requestwindow SET UNLOGGED", "ALTER TABLE accounts_requestwindow SET LOGGED"
        )
    ]
