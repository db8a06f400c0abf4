"""Fuzzing: harnesses that judge one input each, their corpus, and what drives them.

A harness is a module with `check(data)`, which raises when something is wrong. `fuzz.target` has
atheris drive one, guided by coverage; `fuzz.campaign` all of them (`make fuzz`); the tests show
each the whole corpus.
"""
