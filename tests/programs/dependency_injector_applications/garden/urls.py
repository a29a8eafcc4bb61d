"""The addresses."""

from django.urls import path

from .web import views

urlpatterns = [path("", views.index), path("size", views.Size.as_view())]
