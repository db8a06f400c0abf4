"""`make image` and `make image-test`: the Dockerfile built and run without a Docker engine.

buildah builds, podman runs, runc is the runtime of both.
"""
