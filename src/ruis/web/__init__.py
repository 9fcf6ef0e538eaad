"""This room: the HTTP service and its page; one module per concern, `app` puts them together.

May touch: the network (it listens), the whole library; FastAPI and uvicorn, here and nowhere else.
Must not: take a path, an address or a model file from a stranger; tile, scale, blend or decode itself.
"""
