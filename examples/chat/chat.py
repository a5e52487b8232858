#!/usr/bin/env python3
"""The chat of main.cpp in Python: chat.py (listen | connect) HOST PORT KEY_FILE"""

import sys
from multiprocessing.connection import Client, Listener, wait

how, host, port, key_file = sys.argv[1:]
with open(key_file, "rb") as file:
    key = file.read().rstrip(b"\n")

if how == "connect":
    partner = Client((host, int(port)), authkey=key)
else:
    listener = Listener((host, int(port)), authkey=key)
    print(f"listening at tcp://{host}:{listener.address[1]}", flush=True)
    partner = listener.accept()

typed = open(0, "rb", buffering=0)  # what a buffer held, wait() would not see
try:
    while True:
        ready = wait([partner, typed])
        if partner in ready:
            print(partner.recv_bytes(64 * 1024).decode(), flush=True)
        if typed in ready:
            line = typed.readline()
            if not line:
                break
            partner.send_bytes(line.rstrip(b"\n"))
except EOFError:
    print("(the other side has gone)", flush=True)
