"""The doctor: asks a real account what no document says, and shows nobody's data.

It uses the connector's requesters, guards and jobs, and none of its assumptions: answers are looked at as they came.
Each module of probes has `QUESTIONS` (each question, with what the connector does about it), `findings(ask, config)`
and `cost(config)`. A question that a run left open is reported as not decidable.

From the bottom up: `finding` (what is found), `ask` (one polite request), `shape` (the only way from an account's
values to what is shown), a module of probes for each API, `report` (screen and files). docs/doctor.md is its manual.
"""
