"""Needs, resources, their matches, projects, rounds, claims, and the results of projects."""

from apps.projects.models.categories import Category
from apps.projects.models.claims import Claim
from apps.projects.models.matches import Match
from apps.projects.models.offers import Need, Offer, Resource
from apps.projects.models.projects import Deliverable, Project, ProjectPartner
from apps.projects.models.rounds import Round, RoundProject

__all__ = [
    "Category",
    "Claim",
    "Deliverable",
    "Match",
    "Need",
    "Offer",
    "Project",
    "ProjectPartner",
    "Resource",
    "Round",
    "RoundProject",
]
