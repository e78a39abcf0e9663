"""What waits, on the first page of the curators' site."""

from apps.common.admin.site import CuratorSite
from apps.explore.inbox.admin_views import box

CuratorSite.boxes = (*CuratorSite.boxes, box)
