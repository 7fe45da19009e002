"""The sentence of each figure: the answer, in numbers of the rows that are drawn. Functions have the figure's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.words import (
    count,
    day,
    duration,
    hours,
    listed,
    measure,
    percent,
    plural,
    rate,
    ratio,
    sentence,
    total,
    weekday,
)

if TYPE_CHECKING:
    from dbt_dialpad.warehouse import Rows
    from report.figures import Period


def outcomes(rows: Rows, period: Period) -> str:
    """How many calls, what became of them, and the busiest week."""
    calls = total(rows, "offered")
    fates = {
        "answered": "were answered",
        "voicemail": "left a voicemail",
        "missed": "were missed",
        "abandoned": "hung up",
        "other": "asked for a callback or ended otherwise",
    }
    parts = [f"{percent(total(rows, name) / calls)} {fate}" for name, fate in fates.items() if total(rows, name)]
    most = max(rows, key=lambda row: row["offered"])
    when = f"the week of {day(most['starts_on'])}" if period.by_week else day(most["starts_on"])
    return f"{plural(calls, 'call')} came: {listed(parts)}. Most came in {when}, {count(most['offered'])}."


def hours_of_day(rows: Rows) -> tuple[int, int]:
    """The hours from which on, and until which, nine tenths of all calls come."""
    calls = total(rows, "offered")
    by_hour = [total([row for row in rows if row["hour"] == hour], "offered") for hour in range(24)]
    spans = [
        (begin, end) for begin in range(24) for end in range(begin + 1, 25) if sum(by_hour[begin:end]) >= 0.8 * calls
    ]
    return min(spans, key=lambda span: span[1] - span[0])


def hours_(rows: Rows, _: Period) -> str:
    """The busiest hour, the busiest day, the weekend."""
    top = max(rows, key=lambda row: row["offered_a_day"])
    calls = total(rows, "offered")
    days = {number: total([row for row in rows if row["iso_weekday"] == number], "offered") for number in range(1, 8)}
    begin, end = hours_of_day(rows)
    return (
        f"Four of five calls come between {begin}:00 and {end}:00, and {percent((days[6] + days[7]) / calls)} "
        f"at the weekend. The busiest hour is {weekday(top['iso_weekday'])} from {top['hour']}:00, "
        f"with {top['offered_a_day']:.1f} calls on average."
    )


def waits(rows: Rows, _: Period) -> str:
    """The typical wait, the long ones."""
    answered = total(rows, "answered")
    if not answered:
        return f"No call was answered; {plural(total(rows, 'abandoned'), 'caller')} hung up."
    late = total(rows, "answered_late")
    return (
        f"Half of {plural(answered, 'answered caller')} waited less than {duration(rows[0]['half_within'])}, "
        f"nine of ten less than {duration(rows[0]['nine_of_ten_within'])}; "
        f"{percent(late / answered)} waited a minute or more."
    )


def in_time(rows: Rows, _: Period) -> str:
    """The best and the last line, and how many reach their target."""
    aimed = [row for row in rows if row["target"]]
    reached = [row for row in aimed if row["service_level"] >= row["target"]]
    best, worst = rows[0], rows[-1]
    goal = (
        f"{count(len(reached)) if reached else 'None'} of {plural(len(aimed), 'line')} with a target reaches it."
        if aimed
        else ""
    )
    if len(rows) == 1:
        return sentence(
            f"{best['line_name']} answers {rate(best['service_level'], best['offered'])} calls in time.", goal
        )
    return sentence(
        f"{best['line_name']} comes first with {percent(best['service_level'])}, "
        f"{worst['line_name']} last with {percent(worst['service_level'])}.",
        goal,
    )


def by_line(rows: Rows) -> list[Rows]:
    """The rows of each line, the largest line first."""
    return [[row for row in rows if row["line_id"] == name] for name in dict.fromkeys(row["line_id"] for row in rows)]


def change(rows: Rows) -> float | None:
    """The service level of the later half of the weeks less that of the earlier half."""
    half = len(rows) // 2
    early, late = (
        ratio(total(part, "within_service_level"), total(part, "calls")) for part in (rows[:half], rows[half:])
    )
    return None if early is None or late is None else late - early


def getting_better(rows: Rows, period: Period) -> str:
    """How many lines got better, and which moved most."""
    changes = {own[0]["line_name"]: moved for own in by_line(rows) if (moved := change(own)) is not None}
    points = {name: round(moved * 100) for name, moved in changes.items()}
    if not points:
        return f"There are too few {'weeks' if period.by_week else 'days'} yet to compare."
    better, worse = (sum(moved * sign > 0 for moved in points.values()) for sign in (1, -1))
    every = f"From the first half of the period to the second, {{}} of {plural(len(points), 'line')}"
    if not better and not worse:
        return every.format("none") + " moved by a point."
    said = every.format(better or worse) + (" got better" if better else " got worse")
    both = f" and {worse} worse" if better and worse else ""
    up, down = (max(points, key=lambda name: sign * points[name]) for sign in (1, -1))
    ends = ("rose most", "fell most") if both else ("most", "least") if better else ("least", "most")
    named = [f"{name} {end} ({points[name]:+d} points)" for name, end in zip((up, down), ends, strict=True)]
    return f"{said}{both}: {listed(named if up != down else [f'{up} by {abs(points[up])} points'])}."


def lines(rows: Rows, _: Period) -> str:
    """How large the largest is, and all together."""
    calls, top = total(rows, "offered"), rows[0]
    level = ratio(total(rows, "within_service_level"), total(rows, "offered_but_short"))
    return (
        f"{plural(len(rows), 'line')} took {plural(calls, 'call')}, {top['line_name']} the most "
        f"with {percent(top['offered'] / calls)}. "
        f"Together they answered {percent(total(rows, 'answered') / calls)}, and {percent(level)} in time."
    )


def kept(rows: Rows, _: Period) -> str:
    """Of voicemails and callbacks, how many, how soon."""
    nouns = {"voicemails": ("voicemail", "listened to", "left"), "callbacks": ("callback", "connected", "asked for")}
    parts = []
    for row in rows:
        noun, done, _begun = nouns.pop(row["promise"])
        soon = (
            f", half of those within {duration(row['typical_seconds'])}"
            if row["kept"] and row["typical_seconds"] is not None
            else ""
        )
        oldest = (
            f"; the oldest open one has waited {duration(row['oldest_open_seconds'])}"
            if row["oldest_open_seconds"]
            else ""
        )
        parts.append(
            f"Of {plural(row['given'], noun)}, {percent(row['kept'] / row['given'])} were {done}{soon}{oldest}."
        )
    return sentence(*parts, *(f"No {noun} was {begun}." for noun, _done, begun in nouns.values()))


def time_on_duty(rows: Rows, _: Period) -> str:
    """Where the hours on duty went, and from where to where occupancy goes."""
    duty = total(rows, "on_duty_seconds")
    parts = [
        f"{percent(total(rows, f'{name}_seconds') / duty)} were {word}"
        for name, word in (
            ("occupied", "on calls"),
            ("wrapup", "wrap-up"),
            ("available", "available"),
            ("busy", "busy otherwise"),
        )
    ]
    known = sorted((row for row in rows if row["occupancy"] is not None), key=lambda row: row["occupancy"])
    spread = (
        f"Occupancy goes from {percent(known[0]['occupancy'])} ({known[0]['agent_name']}) "
        f"to {percent(known[-1]['occupancy'])} ({known[-1]['agent_name']})."
        if len(known) > 1
        else ""
    )
    return sentence(f"Of {hours(duty)} on duty, {listed(parts)}.", spread)


def agents(rows: Rows, _: Period) -> str:
    """Who handled the most, and how long calls take."""
    top, slow = (
        rows[0],
        sorted((row for row in rows if row["average_handle_seconds"]), key=lambda row: row["average_handle_seconds"]),
    )
    spread = (
        f"On average a call takes {duration(slow[0]['average_handle_seconds'])} with {slow[0]['agent_name']} "
        f"and {duration(slow[-1]['average_handle_seconds'])} with {slow[-1]['agent_name']}."
        if len(slow) > 1
        else ""
    )
    return sentence(
        f"{top['agent_name']} handled the most calls, {count(top['handled'])} in {hours(top['talk_seconds'])} of talk.",
        spread,
    )


def satisfaction(rows: Rows, _: Period) -> str:
    """How many are satisfied, where most and where least."""
    answers, first, last = total(rows, "answers"), rows[0], rows[-1]
    spread = (
        f"Customers are most satisfied with {first['line_name']}, {rate(first['csat_rate'], first['answers'])}, "
        f"and least with {last['line_name']}, {rate(last['csat_rate'], last['answers'])}."
        if len(rows) > 1
        else ""
    )
    return sentence(
        f"{percent(total(rows, 'satisfied') / answers)} of {plural(answers, 'scored call')} got a 4 or 5, "
        f"{percent(total(rows, 'score_1') / answers)} a 1.",
        spread,
    )


def reasons(rows: Rows, _: Period) -> str:
    """The three most frequent reasons."""
    given = [row for row in rows if row["category"] is not None]
    every, known = total(rows, "dispositions"), total(given, "dispositions")
    top = [f"{row['category']} ({percent(row['dispositions'] / known)})" for row in given[:3]]
    return sentence(
        f"Most often for {listed(top)}." if top else "",
        f"{percent((every - known) / every)} of {plural(every, 'disposition')} are not set.",
    )


def call_again(rows: Rows, _: Period) -> str:
    """How many called again within a week."""
    callers = total(rows, "callers")
    return (
        f"Of {plural(callers, 'answered caller')}, {percent(total(rows, 'again_same_line') / callers)} called "
        f"the same line again within a week, and {percent(total(rows, 'again_any_line') / callers)} any line."
    )


def bot(rows: Rows, _: Period) -> str:
    """What the bot kept."""
    begun, alone, people = (total(rows, name) for name in ("started_with_bot", "contained", "without_bot"))
    return sentence(
        f"The bot began {plural(begun, 'conversation')} and kept {percent(alone / begun)} to itself; "
        f"{count(begun - alone)} went on to people."
        if begun
        else "",
        f"{plural(people, 'conversation')} went straight to people." if people else "",
    )


def digital_answers(rows: Rows, _: Period) -> str:
    """The fastest and the slowest channel, and the mood."""
    timed = sorted(
        (row for row in rows if row["response_half_within"] is not None),
        key=lambda row: row["response_nine_of_ten_within"],
    )
    up, same, down = (total(rows, f"sentiment_{way}") for way in ("up", "same", "down"))
    felt = up + same + down
    ends = [
        f"within {duration(row['response_nine_of_ten_within'])} on {row['channel']}"
        for row in (timed[:1] + timed[1:][-1:])
    ]
    return sentence(
        f"Nine of ten get a first response {listed(ends)}." if timed else "",
        f"{percent(up / felt)} of {plural(felt, 'customer')} are in a better mood at the end than at the beginning, "
        f"{percent(down / felt)} in a worse one."
        if felt
        else "",
    )


def texts(rows: Rows, _: Period) -> str:
    """How many texts, and who has the most."""
    received, sent = total(rows, "received"), total(rows, "sent")
    most = f"{rows[0]['who']} has the most, {count(rows[0]['received'] + rows[0]['sent'])}"
    they = plural(rows[0]["of_all"], "line or person", "lines and people")
    if rows[0]["of_all"] == len(rows):
        return f"{they} received {plural(received, 'text')} and sent {count(sent)}; {most}."
    of_received, of_sent = count(rows[0]["received_by_all"]), count(rows[0]["sent_by_all"])
    return (
        f"The {len(rows)} busiest of {they} received {count(received)} of {of_received} texts "
        f"and sent {count(sent)} of {of_sent}; {most}."
    )


def agreement(rows: Rows, _: Period) -> str:
    """Whether the figures agree, and where not."""
    compared, agree = total(rows, "compared"), total(rows, "agree")
    apart = [measure(row["measure"]) for row in rows if row["agree"] < row["compared"]]
    if not apart:
        return f"Yes: all {count(compared)} figures that Dialpad exports for the same days, lines and people agree."
    return f"{count(agree)} of {plural(compared, 'figure')} agree; they differ in {listed(apart[:5])}."


SENTENCES = {
    "outcomes": outcomes,
    "hours": hours_,
    "waits": waits,
    "in_time": in_time,
    "getting_better": getting_better,
    "lines": lines,
    "kept": kept,
    "time_on_duty": time_on_duty,
    "agents": agents,
    "satisfaction": satisfaction,
    "reasons": reasons,
    "call_again": call_again,
    "bot": bot,
    "digital_answers": digital_answers,
    "texts": texts,
    "agreement": agreement,
}
