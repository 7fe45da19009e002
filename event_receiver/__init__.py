"""Takes Dialpad's webhooks of every kind, stores each event before it answers, and serves them in one order.

`kinds` says what differs between the kinds, `delivery` turns a request body into an event or a refusal, `store` keeps
events in an order that readers can follow, in the tables of `database`, `batching` puts events that arrive together
into one commit, `app` is the HTTP side, `register` tells Dialpad where to send, `run` is the command line.
"""
