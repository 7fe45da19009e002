"""Rows in the APIs' own shapes, rendered once: the same arguments give the same bytes.

Nothing here looks like the connector's output; both the connector and the programs beside it start from these bytes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

CALL_COLUMNS = (
    "date_started,call_id,category,direction,external_number,internal_number,date_first_rang,date_queued,date_rang,"
    "date_connected,date_ended,target_id,target_kind,target_type,name,email,was_recorded,entry_point_call_id,"
    "entry_point_target_id,entry_point_target_kind,proxy_target_id,voicemail,transferred_to,transferred_to_contact_id,"
    "transferred_from_target_id,office_id,company_id,device,salesforce_activity_id,timezone,availability,time_in_system,"
    "callback_type,callback_id,master_call_id,time_to_answer,date_callback_connected,date_callback_ended,date_anonymized,"
    "categories,ringing_duration,ringing_occurrences,hold_duration,hold_occurrences,talk_duration,queued_duration,"
    "queued_occurrences,wrapup_duration,participant_type,percent_ai_talk_time,percent_ai_listen_time,"
    "percent_ai_silent_time,campaign_id,is_internal"
)
"""The header of a calls export: 54 columns."""

CALL_HEADER = f"{CALL_COLUMNS}\n".encode()
DAY_MS = 86_400_000
FIRST_CALL = 5_000_000_000_000_000
NAMES = ("Sales", "Technical", "Billing", "Renewals", "Nordic", "Imani Tanaka", "Ravi Costa", "Greta Jansen")
WORDS = (
    "order",
    "invoice",
    "delivery",
    "refund",
    "account",
    "password",
    "update",
    "router",
    "line",
    "number",
    "transfer",
    "agent",
    "help",
    "thanks",
    "morning",
    "charge",
    "plan",
    "contract",
    "repair",
    "visit",
    "technician",
    "device",
    "signal",
    "address",
    "week",
    "problem",
    "solved",
    "waiting",
    "please",
    "again",
)


def calls_of_day(day: date, rows: int, first: int, dice: random.Random) -> bytes:
    """The calls of one day as CSV without a header: entry and operator legs in turn, `first` the first's number."""
    lines = []
    for number in range(rows):
        second, call = number * 86_400 // rows, FIRST_CALL + first + number
        at = f"{day} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        micro, name, talk = dice.randrange(1_000_000), NAMES[call % 8], f"{dice.random() * 9:.2f}"
        started, rang = f"{at}.{micro:06d}", f"{at}.{(micro + 77) % 1_000_000:06d}"
        phones = f"+1202555{call % 10_000:04d},+4930555{call % 977:04d}"
        if number % 2:
            lines.append(
                f"{started},{call},incoming,inbound,{phones},{rang},,{at},{rang},{rang},500000000000{call % 9000 + 1000},"  # noqa: E501
                f"UserProfile,user,{name},{name.lower().replace(' ', '.')}@lantern.example,true,{call - 1},"
                f"5000000000002005,CallCenter,,false,,,,5000000000001001,5000000000000001,desktop_app,,UTC,open,,,,"
                f'{call - 1},,,,,"answered,human_agent,inbound",0.21,1,0.00,0,{talk},,,1.64,operator,56.0,44.0,0.0,,false\n'  # noqa: E501
            )
        else:
            lines.append(
                f"{started},{call},incoming,inbound,{phones},{rang},{rang},{at},{rang},{rang},500000000000200{call % 7},"  # noqa: E501
                f"CallCenter,call_center,{name},,false,,,,,false,,,,5000000000001001,5000000000000001,,,UTC,open,4.19,,,"
                f'{call},0.52,,,,"answered,human_agent,inbound",0.07,1,0.00,0,{talk},0.45,1,1.98,,,,,,false\n'
            )
    return "".join(lines).encode()


DISPOSITION_HEADER = (
    b"date_started,call_id,operator_id,operator_name,operator_email,disposition,direction,external_number,internal_number,"
    b"date_rang,date_queued,date_connected,date_ended,target_id,target_kind,office_id,company_id,timezone,"
    b"salesforce_activity_id,recording_url,note\n"
)


def dispositions(day: date, rows: int, center: int) -> bytes:
    """The dispositions of one call center on one day, as CSV without a header."""
    lines = []
    for number in range(rows):
        second, call = number * 86_400 // rows, FIRST_CALL + center * 1_000_000 + number
        at = f"{day} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000000"
        lines.append(
            f"{at},{call},500000000000{call % 9000 + 1000},Ravi Costa,ravi.costa@lantern.example,Order~New,inbound,"
            f"+1202555{call % 10_000:04d},+49305550202,{at},{at},{at},{at},{center},CallCenter,5000000000001001,"
            f"5000000000000001,UTC,,,called back\n"
        )
    return "".join(lines).encode()


def messages_of_day(start: int, count: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    """The messages of the day that begins at `start` (milliseconds), in the order of their `ts`."""
    for index in range(count):
        conversation = start // DAY_MS * 100_000 + index // 8
        ts = start + index * DAY_MS // count
        sender = ("bot", "customer", "agent", "customer")[index % 4]
        message: dict[str, Any] = {
            "text": " ".join(dice.choices(WORDS, k=9)) + (" ****NAME****" if index % 10 == 0 else ""),
            "ts": ts,
            "sendertype": sender,
            "sentiment": round(dice.uniform(-1, 1), 2),
            "topic": dice.choice(WORDS) if sender == "customer" else None,
            "score": round(dice.random(), 4),
            "lang": "en",
            "sessionchannel": "webchat",
            "sessionchannelinfo": {"id": "5000000000002003", "name": "Sales", "number": "+49305550202"},
            "chattype": "bot" if sender == "bot" else "agent",
            "sessionid": f"{conversation}.{1 + index % 8 // 4}",
            "customersessionid": f"-{conversation}.{10000 + index % 8}",
            "timestamp": datetime.fromtimestamp(ts / 1000, UTC).strftime("%b %d, %Y %I:%M:%S %p"),
        }
        if sender == "bot":
            message |= {"workflow": "Welcome", "workflownodeid": f"node-welcome-{index % 5}"}
        else:
            name = NAMES[5 + index % 3]
            message |= {"sendername": name, "senderemail": f"{name.lower().replace(' ', '.')}@mail.example"}
        if sender == "customer":
            message["topmatches"] = [
                {"intent": message["topic"], "score": message["score"], "text": dice.choice(WORDS)}
            ]
        yield message


def records(start: datetime, length: timedelta, count: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    """Analytics records in the order of their time, each field a variant with its type; none on a window's edge."""
    step = length / max(count, 1)
    for index in range(count):
        at = _instant(start + step * index + timedelta(milliseconds=50))
        queue, agent = dice.randrange(6), dice.randrange(40)
        yield {
            "primaryTimestampField": {"name": "closed_at", "timestamp": at},
            "fields": [
                {"name": "csid", "field": {"_type": "LongField", "value": 20_769_000_000 + index}},
                _text(
                    "initial_channel",
                    ("CALLBACK", "EMAIL", "CHAT")[index % 3],
                    ("Callback", "Email", "Chat")[index % 3],
                ),
                _text("initial_direction", "INBOUND", "Inbound"),
                _text("queue", f"552c5b67-28e1-48cb-935e-5ca0e8d3f2c{queue}", NAMES[queue], "UUIDField"),
                _text("agent", f"9b639d24-9083-4444-b806-7cf793fc{agent:04d}", NAMES[agent % 8], "UUIDField"),
                _text("contact_point", "+14155550100", "+14155550100"),
                {"name": "closed_by", "field": {"_type": "StringField", "value": "Agent"}},
                {"name": "is_reopened", "field": {"_type": "BooleanField", "value": index % 9 == 0}},
                {"name": "message_count", "field": {"_type": "IntField", "value": dice.randrange(60)}},
                {"name": "handling_minutes", "field": {"_type": "DoubleField", "value": round(dice.random() * 60, 4)}},
                {"name": "last_message_at", "field": {"_type": "InstantField", "value": at}},
                {"name": "created", "field": {"_type": "TimestampField", "name": "created_at", "timestamp": at}},
                {
                    "name": "tags",
                    "field": {"_type": "ListField", "values": [_tag("Billing"), _tag("Technical")][: index % 3]},
                },
            ],
        }


def _text(name: str, value: str, label: str, kind: str = "StringField") -> dict[str, object]:
    return {"name": name, "field": {"_type": kind, "value": value, "label": label}}


def _tag(label: str) -> dict[str, str]:
    return {"_type": "StringField", "value": f"0c1dfef4-5b23-4860-91b9-3403{label.lower():0>8.8}", "label": label}


def event(number: int, start: datetime, dice: random.Random) -> dict[str, object]:
    """One kept call event, as event_receiver serves it."""
    at = start + timedelta(milliseconds=number * 20)
    ms, call = int(at.timestamp() * 1000), FIRST_CALL + number // 4
    state = ("calling", "ringing", "connected", "hangup")[number % 4]
    agent: dict[str, object] = {
        "id": 5000000000004000 + call % 60,
        "name": NAMES[5 + call % 3],
        "email": "agent@lantern.example",
        "phone": f"+4930555{call % 977:04d}",
        "type": "user",
        "office_id": 5000000000001001,
    }
    center = {
        "id": 5000000000002003,
        "name": "Sales",
        "email": "",
        "phone": "+49305550202",
        "type": "call_center",
        "office_id": 5000000000001001,
    }
    payload: dict[str, object] = {
        "call_id": call,
        "state": state,
        "event_timestamp": ms,
        "date_started": ms - 31_000,
        "date_rang": ms - 20_000 if state != "calling" else None,
        "date_connected": ms - 9_000 if state in ("connected", "hangup") else None,
        "date_ended": ms if state == "hangup" else None,
        "direction": "inbound",
        "duration": dice.random() * 60_000 if state == "hangup" else None,
        "total_duration": dice.random() * 90_000 if state == "hangup" else None,
        "internal_number": "+49305550202",
        "external_number": f"+1202555{call % 10_000:04d}",
        "contact": {
            "id": f"contact-{call % 5000}",
            "name": "A customer",
            "email": "",
            "phone": f"+1202555{call % 10_000:04d}",
            "type": "local",
        },
        "target": agent,
        "proxy_target": {},
        "entry_point_target": center,
        "entry_point_call_id": call - 1,
        "operator_call_id": None,
        "master_call_id": call - 1,
        "group_id": "CallCenter:5000000000002003",
        "is_transferred": False,
        "was_recorded": state == "hangup",
        "callback_requested": None,
        "target_availability_status": "open",
        "call_recording_ids": [call * 10] if state == "hangup" else [],
        "recording_details": [
            {"id": call * 10, "recording_type": "callrecording", "start_time": ms - 8_000, "duration": 8000, "url": ""}
        ]
        if state == "hangup"
        else [],
        "labels": ["vip"] if call % 10 == 0 else [],
        "mos_score": round(3.5 + dice.random(), 2) if state == "hangup" else None,
        "routing_breadcrumbs": [
            {
                "breadcrumb_type": "callrouter",
                "date": ms - 30_500,
                "target_id": 5000000000002003,
                "target_type": "call_center",
            }
        ],
        "integrations": {},
    }
    return {
        "event_id": f"{dice.getrandbits(256):064x}",
        "received_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "position": f"bench-{number + 1}",
        "event": payload,
    }


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
