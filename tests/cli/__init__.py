"""The commands and what joins the rooms."""
