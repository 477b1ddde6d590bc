"""How gunicorn serves this program; it reads this file by itself."""

import os
import socket
import sys

port = int(os.environ.get("PORT", "80"))
bind = f"0.0.0.0:{port}"
threads = 8
worker_tmp_dir = "/dev/shm"  # the root file system may be read-only
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(b)s %(M)s ms'


def on_starting(_server):
    """Says plainly why the port cannot be had; gunicorn itself would only say that it cannot connect."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", port))
    except PermissionError:
        sys.exit(f"listen on port {port} as uid {os.getuid()}: permission denied (the program lacks cap_net_bind_service)")
    print(f"listening on {port} as uid {os.getuid()}", flush=True)
