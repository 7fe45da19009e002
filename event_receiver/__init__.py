"""Takes Dialpad's call webhooks, keeps every event before it answers, and serves them in the order they were kept.

`delivery` turns a request body into an event or a refusal, `store` keeps events in an order that readers can follow,
`keeping` puts deliveries that arrive together into one commit, `app` is the HTTP face, `server` opens the socket,
`register` tells Dialpad where to send, `run` is the command line.
"""
