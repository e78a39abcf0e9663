"""Needs, resources, projects, claims, and the results of projects."""

from apps.projects.models.categories import Category
from apps.projects.models.offers import Need, Offer, Resource
from apps.projects.models.projects import Claim, Deliverable, Project, ProjectPartner

__all__ = ["Category", "Claim", "Deliverable", "Need", "Offer", "Project", "ProjectPartner", "Resource"]
