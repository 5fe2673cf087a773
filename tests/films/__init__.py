"""Films: a resource beside templates, so that what is generic is seen to be so."""
