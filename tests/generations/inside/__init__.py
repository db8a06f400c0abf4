"""What runs in the guest, as root, under the guest's own kernel."""
