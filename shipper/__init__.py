"""shipper: HTTP exchanges of a host, seen by eBPF, as validated records on Kafka."""

__version__ = "0.1.0"
