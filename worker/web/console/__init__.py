"""The console: where finance decides. Pages that the server makes, one stylesheet, one small script, and nothing from
anywhere else. The door is `worker.web.console.routes`."""
