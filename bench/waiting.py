"""A view that waits 100 ms, behind asgiref's stock wrapper and behind our bridge."""

import asyncio

from asgiref.wsgi import WsgiToAsgi
from flask import Flask

from api import create_app, load_settings
from serving import Bridge


async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"


plain = Flask(__name__)
plain.add_url_rule("/wait", view_func=wait)
stock = WsgiToAsgi(plain)

ours = create_app(load_settings())
ours.add_url_rule("/wait", view_func=wait)
bridge = Bridge(ours)
