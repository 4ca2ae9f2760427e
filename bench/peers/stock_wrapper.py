"""The application's own views with asgiref's stock WsgiToAsgi in place of serving.Bridge."""

from asgiref.wsgi import WsgiToAsgi

from bench.own import flask_app

app = WsgiToAsgi(flask_app)
