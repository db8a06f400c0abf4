"""Schemas and a registry's address in; what the registry knows them by out.

The client of its HTTP API, what is registered of each schema, and the look-up that keeps ids at
hand for the agent. Knows neither records nor Kafka.
"""

from shipper.registry.asking import Asking, NoGuid, NotRegistered, schema_id
from shipper.registry.client import Absent, Refused, Registered, Registry
from shipper.registry.forms import OPTIONS, Form, form, form_of
from shipper.registry.known import FILE, Known, Question
from shipper.registry.lookup import Lookup

__all__ = [
    "FILE",
    "OPTIONS",
    "Absent",
    "Asking",
    "Form",
    "Known",
    "Lookup",
    "NoGuid",
    "NotRegistered",
    "Question",
    "Refused",
    "Registered",
    "Registry",
    "form",
    "form_of",
    "schema_id",
]
