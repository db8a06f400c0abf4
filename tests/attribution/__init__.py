"""Who took part: paths, cgroups, names and live traffic."""
