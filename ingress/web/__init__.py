"""The page and its API: a small HTTP server with a listener of its own, and what guards it. What is answered comes from
above, as routes; `ingress/serve/` puts them together."""
