"""How large a marketplace is: one dial, everything else follows from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Counts of one marketplace.

    Attributes:
        num_users: Users, including those who join during the simulation.
        num_items: Items, including those launched during the simulation.
        num_departments: Groups of sibling categories.
        categories_per_department: Categories in each.
        num_brands: Brands.
        num_shops: Selling shops.
        queries_per_category: Distinct queries that mean a category.
        searches_per_day: Mean search requests of a weekday; feed and shop visits follow from it.
        candidates_per_search: Items a search retrieves, at most.
    """

    num_users: int
    num_items: int
    num_departments: int
    categories_per_department: int
    num_brands: int
    num_shops: int
    queries_per_category: int
    searches_per_day: int
    candidates_per_search: int

    @property
    def num_categories(self) -> int:
        """Leaf categories in all departments."""
        return self.num_departments * self.categories_per_department


SIZES: dict[str, Size] = {
    "xs": Size(
        num_users=800,
        num_items=1_500,
        num_departments=5,
        categories_per_department=4,
        num_brands=60,
        num_shops=40,
        queries_per_category=10,
        searches_per_day=1_200,
        candidates_per_search=40,
    ),
    "s": Size(
        num_users=4_000,
        num_items=6_000,
        num_departments=10,
        categories_per_department=4,
        num_brands=120,
        num_shops=120,
        queries_per_category=10,
        searches_per_day=6_000,
        candidates_per_search=40,
    ),
    "m": Size(
        num_users=20_000,
        num_items=20_000,
        num_departments=20,
        categories_per_department=4,
        num_brands=300,
        num_shops=400,
        queries_per_category=12,
        searches_per_day=30_000,
        candidates_per_search=60,
    ),
    "l": Size(
        num_users=60_000,
        num_items=50_000,
        num_departments=25,
        categories_per_department=5,
        num_brands=600,
        num_shops=1_000,
        queries_per_category=16,
        searches_per_day=60_000,
        candidates_per_search=100,
    ),
}
"""Sizes by name."""


def size_named(name: str) -> Size:
    """The size of this name.

    Raises:
        ValueError: No size has the name.
    """
    if name not in SIZES:
        raise ValueError(f"no marketplace size is called {name!r}; choose one of {', '.join(SIZES)}")
    return SIZES[name]
