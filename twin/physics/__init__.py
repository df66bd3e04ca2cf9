"""Physics of both links, closed form, pure numpy."""
