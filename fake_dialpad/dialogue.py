"""What people say on the phone: topics, and the conversation about one of them.

:class:`Story` is one call as its recap tells it; :func:`dialogue` is the same call line by line.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Topic:
    """What a call is about: `talk` is pairs of what the agent asks and the customer answers."""

    category: str
    purpose: str
    opening: tuple[str, ...]
    talk: tuple[tuple[str, str], ...]
    solved: tuple[str, str]  # what the agent says, what the summary says
    open_end: tuple[str, str]
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """One call: its topic, who speaks, the details that return in the summary, and how it ended."""

    topic: Topic
    agent: str
    customer: str
    order: str
    amount: str
    day: str
    solved: bool
    disposition: str

    def with_details(self, text: str) -> str:
        """Return a text with the details of this call."""
        return text.format(agent=self.agent, customer=self.customer, order=self.order, amount=self.amount, day=self.day)


_REFUND: Final = Topic(
    "Billing",
    "Refund of a double charge",
    (
        "Hi, I was charged twice for order {order} and I would like one of the payments back.",
        "Hello, my bank statement shows {amount} two times this month. That can't be right.",
    ),
    (
        ("I'm sorry to hear that. Could you tell me the order number, please?", "Yes, it is {order}."),
        ("Which card did you use for the payment?", "The company card, the one that ends in four four one seven."),
        ("I can see two payments of {amount} here, four minutes apart.", "Exactly, I only pressed the button once."),
        ("Did you get a confirmation for both of them?", "Only for one, the second one never came by email."),
        (
            "It can take three to five business days to show up on your account.",
            "That is fine, as long as it is certain.",
        ),
    ),
    (
        "I have just released the refund of {amount}, you will get a confirmation within the hour.",
        "{agent} confirmed the duplicate payment for order {order} and refunded {amount}.",
    ),
    (
        "I have to hand this over to our billing team, they need to approve the refund of {amount}.",
        "{agent} found the duplicate payment for order {order}; billing has to approve the refund of {amount}.",
    ),
    ("Send the refund confirmation for order {order}", "Check with billing that {amount} was approved by {day}"),
)
_INVOICE: Final = Topic(
    "Billing",
    "Question about an invoice",
    (
        "Good morning, I have a question about the invoice for order {order}, the total looks too high.",
        "Hello, we never received the invoice for last month and accounting is waiting for it.",
    ),
    (
        (
            "Let me open that invoice. Which amount do you see at the bottom?",
            "It says {amount}, we expected about half of it.",
        ),
        ("There are two extra lines on it, one for setup and one for shipping.", "Nobody told us about a setup fee."),
        (
            "To which address should I send the corrected copy?",
            "To our accounting, they have the same address as always.",
        ),
        ("Is the tax number on the invoice the right one?", "Yes, that part is correct."),
    ),
    (
        "I have removed the setup fee and sent you a new invoice over {amount}.",
        "{agent} removed the setup fee from order {order} and sent a corrected invoice over {amount}.",
    ),
    (
        "I can't change an invoice that is closed, I will ask a colleague to look at it by {day}.",
        "The invoice for order {order} could not be corrected in the call; a colleague looks at it by {day}.",
    ),
    ("Send a corrected invoice for order {order}", "Explain the setup fee to {customer} by {day}"),
)
_ROUTER: Final = Topic(
    "Technical support",
    "Router loses its connection",
    (
        "Hi, our router keeps dropping the connection since {day}, and the whole office is offline then.",
        "Hello, the new router you sent us does not stay online for more than ten minutes.",
    ),
    (
        (
            "Which lights do you see on the front of the device?",
            "The first two are green and the third one blinks orange.",
        ),
        (
            "Have you tried to unplug it for thirty seconds?",
            "Yes, twice already. It works for a while and then drops again.",
        ),
        ("Is it connected by cable, or over the wireless network?", "By cable, straight into the wall socket."),
        ("I am running a test on your line now, please give me a moment.", "Sure, take your time."),
        ("The test shows an old firmware on your router.", "Could that be the reason why it drops every time?"),
        (
            "I am installing the update now, it restarts by itself.",
            "Okay, all the lights are off. Now they are coming back.",
        ),
    ),
    (
        "All lights are green on my side, the update has fixed it.",
        "{agent} updated the firmware of the router remotely, and the connection was stable afterwards.",
    ),
    (
        "The update did not help, so I will send a technician on {day} between eight and twelve.",
        "A firmware update did not help; {agent} booked a technician for {day} in the morning.",
    ),
    ("Confirm the technician's visit on {day}", "Call {customer} back to check that the router stays online"),
)
_OUTAGE: Final = Topic(
    "Technical support",
    "Line is down",
    (
        "Hello, none of our phones has worked since this morning, we can't take any calls.",
        "Hi, our main line is dead. Customers only hear a busy signal.",
    ),
    (
        ("When did you notice it for the first time?", "Around nine, when the first customer complained by email."),
        ("Do outgoing calls work?", "No, neither incoming nor outgoing. I am calling from my mobile."),
        ("I can see an outage in your area that started at eight forty.", "And when will that be repaired?"),
        ("I can forward your main line to a mobile until then.", "That would help a lot, please do that."),
        ("Which number should the calls go to?", "To the one I am calling from right now."),
    ),
    (
        "The forwarding is active now, and the line should be back by {day}.",
        "There was an outage in the area. {agent} forwarded the main line to the caller's mobile.",
    ),
    (
        "Our engineers are still looking for the cause, I will update you before {day}.",
        "The outage was not repaired during the call; engineers are still looking for the cause.",
    ),
    ("Remove the forwarding once the line is back", "Update {customer} about the outage before {day}"),
)
_PLAN: Final = Topic(
    "Sales",
    "Interest in a plan",
    (
        "Hi, we are growing and I would like to know what a plan for twenty more people would cost.",
        "Hello, a colleague recommended you. Which plan would you suggest for a small support team?",
    ),
    (
        ("How many people would use it every day?", "Twenty at the start, maybe thirty next year."),
        ("Do you need call recordings and transcripts?", "Recordings yes. Transcripts would be nice to have."),
        (
            "For that size it would be {amount} a month, without setup costs.",
            "Is there a discount if we pay for a year?",
        ),
        (
            "With a yearly contract you would save about fifteen percent.",
            "That sounds fair. What do our competitors usually take?",
        ),
        ("Would you like to try it for two weeks first?", "Yes, a trial would convince my manager."),
    ),
    (
        "I have started the trial for you, the login is on its way to your inbox.",
        "{agent} offered a plan for {amount} a month and started a trial of two weeks.",
    ),
    (
        "I will put the offer of {amount} in writing, then you can compare it in peace.",
        "{customer} wants to compare offers; {agent} sends one over {amount} a month in writing.",
    ),
    ("Send the offer over {amount} to {customer}", "Follow up on the trial on {day}"),
)
_DELIVERY: Final = Topic(
    "Orders",
    "Status of a delivery",
    (
        "Hello, I am waiting for order {order}, it should have been here on {day}.",
        "Hi, the tracking page has shown the same status for four days. Where is my package?",
    ),
    (
        ("Let me look it up. Is the order number {order}?", "Yes, that is the one."),
        ("The carrier tried to deliver it, but nobody was there.", "That is strange, our reception is open all day."),
        ("Could you confirm the address for me, please?", "It is the same as on the last order, second floor."),
        ("There is a note that the street number was missing.", "Then please add it, we are at number twelve."),
        ("Would a delivery on {day} work for you?", "Only before noon, in the afternoon we are closed."),
    ),
    (
        "I have corrected the address, and it arrives on {day} before noon.",
        "{agent} corrected the address of order {order}; it will be delivered on {day} before noon.",
    ),
    (
        "The carrier has to search for the package, I will let you know by {day}.",
        "The package of order {order} can't be found; the carrier is searching for it.",
    ),
    ("Ask the carrier about order {order}", "Tell {customer} the new delivery date"),
)
_GENERIC: Final = (
    ("Thank you for your patience. Are you still there?", "Yes, I am here."),
    ("Could you spell your last name for me, please?", "Of course, exactly as it sounds, with one L."),
    ("I am writing that down for my colleagues.", "Thank you, then I don't have to explain it again."),
    ("Is this the best number to reach you?", "Yes, you can reach me here until six."),
    ("Have you contacted us about this before?", "I wrote an email last week, but nobody answered."),
    ("I understand that this is annoying.", "It really is, to be honest I am quite disappointed."),
    ("Let me check that with a colleague, one moment please.", "No problem, I can wait."),
    ("So, I have the answer now.", "That was quick, thank you."),
    (
        "Is there anything in your account that I should look at as well?",
        "Maybe you could check if our contract is up to date.",
    ),
    ("The contract runs until the end of next year.", "Good to know, then we still have some time."),
    ("May I ask how you heard about that?", "It was in the newsletter, I think in October."),
    ("I have added a note to your account.", "Great, that helps."),
    (
        "Just to be sure that I got it right, you would like to have it settled this week?",
        "Exactly, this week would be perfect.",
    ),
    ("Our system is a little slow today.", "Ours too, it must be the weather."),
)
_BY_AGENT: Final = (
    "I have your account open in front of me, so this should not take long.",
    "I only have to confirm two details before I am allowed to change anything here.",
    "We see this from time to time, and usually it can be sorted out within a few minutes.",
    "While the page is loading, let me write down what you told me so far.",
    "My colleague from the other team already left a comment about it yesterday.",
    "If the line drops, I will call you right back on the same number.",
    "You will get everything we talk about in writing after the call.",
    "That is the part of the process that takes the longest, I am afraid.",
)
_BY_CUSTOMER: Final = (
    "We have been with you for six years and this has never happened before.",
    "My manager asked me twice today, so I really need something I can tell him.",
    "To be fair, the last time I called it was solved within the same day.",
    "I am not the technical person here, so please explain it as simply as you can.",
    "We are a team of eleven people, and all of us depend on it every single day.",
    "I looked for it on your website, but I could not find the right page.",
    "I have a meeting in twenty minutes, so it would be good if we could be done by then.",
    "As I said to your colleague, we can also try it again later in the week.",
)
_GREETING: Final = "Thank you for calling, my name is {agent}. How can I help you today?"
_GOODBYE: Final = (
    ("Is there anything else I can do for you?", "No, that was all. Thank you very much, you were really helpful."),
    ("Then I wish you a pleasant day, {customer}.", "You too, goodbye."),
)
_BY_DISPOSITION: Final = {
    "Billing~Refund": _REFUND,
    "Billing~Invoice": _INVOICE,
    "Technical~Router": _ROUTER,
    "Technical~Line down": _OUTAGE,
    "Sales~New plan": _PLAN,
    "Sales~Upgrade": _PLAN,
}
_ANY: Final = (_REFUND, _INVOICE, _ROUTER, _OUTAGE, _PLAN, _DELIVERY, _DELIVERY)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def story(rng: random.Random, agent: str, customer: str, disposition: str) -> Story:
    """Draw a call that fits the disposition the agent set on it (empty: none)."""
    return Story(
        topic=_BY_DISPOSITION.get(disposition) or rng.choice(_ANY),
        agent=agent.split(" ", 1)[0],
        customer=customer.split(" ", 1)[0],
        order=f"{rng.randrange(10_000, 99_999)}",
        amount=f"${rng.randrange(19, 900)}.{rng.choice(['00', '50', '90', '99'])}",
        day=rng.choice(_DAYS),
        solved=disposition == "Resolved" or (disposition != "Call back, later" and rng.random() < 0.7),
        disposition=disposition,
    )


def dialogue(rng: random.Random, call: Story, count: int) -> list[tuple[bool, str]]:
    """Return about `count` lines of a call in order: whether the agent speaks, and the words."""
    topic = call.topic
    end = topic.solved if call.solved else topic.open_end
    start = [(True, _GREETING), (False, rng.choice(topic.opening))]
    close = [(True, end[0])]
    for asked, answered in _GOODBYE:
        close += [(True, asked), (False, answered)]
    middle: list[tuple[bool, str]] = []
    small_talk: list[tuple[str, str]] = []
    pairs = list(topic.talk)
    while len(start) + len(middle) + len(close) < count:
        if not pairs:
            if not small_talk:
                small_talk = rng.sample(_GENERIC, len(_GENERIC))
            pairs = [small_talk.pop()]
        asked, answered = pairs.pop(0)
        middle += [(True, asked), (False, answered)]
        if rng.random() < 0.1:
            middle.append((rng.random() < 0.5, rng.choice(["Okay.", "I see.", "Right.", "Mhm, yes."])))
    lines = [*start, *middle, *close] if count > 4 else [*start, *close[-2:]]
    return [(by_agent, _spoken(rng, by_agent=by_agent, text=call.with_details(text))) for by_agent, text in lines]


def _spoken(rng: random.Random, *, by_agent: bool, text: str) -> str:
    """Return a sentence as it is spoken: often with more around it."""
    if len(text) < 12 or text.endswith("?") or rng.random() < 0.3:
        return text
    more = rng.sample(_BY_AGENT if by_agent else _BY_CUSTOMER, rng.choice([1, 1, 2]))
    return " ".join([text, *more])
