"""The day that it is in the city, in SQL (`values.dates.today` in Python)."""

LOCAL_DAY = "(now() AT TIME ZONE 'UTC' + interval '8 hours')::date"
