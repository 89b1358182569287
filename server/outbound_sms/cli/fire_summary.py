"""What a file of events came to: counted while it is fired, and shown at its end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text

from outbound_sms.cli.event_lines import EventLine
from outbound_sms.cli.fire_words import TEXTED, advice, outcome_name, texts_of
from outbound_sms.cli.output import console, facts, span
from outboundsms.v1 import triggers_pb2

SHOWN_REFUSALS = 20
SHOWN_ADVICE = 10


@dataclass(slots=True)
class FireSummary:
    """Events by outcome, texts that were made, refused events, and the line that was reached.

    `untexted` counts events by trigger type, triggered message and outcome, where there are no
    texts; `refusals` has the first of the refused.
    """

    line: int = 0
    outcomes: Counter[int] = field(default_factory=Counter)
    texts: int = 0
    refused: int = 0
    refusals: list[tuple[EventLine, triggers_pb2.FireError]] = field(default_factory=list)
    untexted: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    @property
    def texted(self) -> int:
        """Events for which there are texts, made now or before."""
        return sum(self.outcomes[each] for each in TEXTED)

    def add(self, line: EventLine, answer: triggers_pb2.FireAnswer) -> None:
        """Counts one event."""
        self.line = line.number
        if answer.HasField("error"):
            self.refused += 1
            if len(self.refusals) < SHOWN_REFUSALS:
                self.refusals.append((line, answer.error))
            return
        result = answer.result
        self.outcomes[result.outcome] += 1
        if result.outcome == triggers_pb2.FIRE_OUTCOME_FIRED:
            self.texts += len(texts_of(result))
        if result.outcome in TEXTED or line.event is None:
            return
        key = line.event.trigger_type
        if not result.triggered_messages:
            self.untexted[key, "", result.outcome] += 1
        for each in result.triggered_messages:
            self.untexted[key, each.triggered_message_id, each.outcome] += 1

    def as_json(self) -> dict[str, object]:
        """For programs."""
        outcomes = {
            triggers_pb2.FireOutcome.Name(triggers_pb2.FireOutcome.ValueType(each)): count
            for each, count in sorted(self.outcomes.items())
        }
        return {
            "summary": {
                "events": self.outcomes.total() + self.refused,
                "outcomes": outcomes,
                "texts": self.texts,
                "refused": self.refused,
            }
        }


def show_summary(summary: FireSummary, names: Mapping[str, str], seconds: float) -> None:
    """Prints the counts, what to do about events without texts, and the first of the refused."""
    events = summary.outcomes.total() + summary.refused
    if events == 0:
        console.print("There were no events.")
        return
    rows = [("Events", f"{events:,}")]
    rows += [(outcome_name(each), f"{count:,}") for each, count in sorted(summary.outcomes.items())]
    rows += [("Refused", f"{summary.refused:,}"), ("New texts", f"{summary.texts:,}")]
    console.print(facts([*rows, ("Time", span(seconds))]))
    for (key, triggered, outcome), count in summary.untexted.most_common(SHOWN_ADVICE):
        [(name, words)] = advice(_result(triggered, outcome), key, names)
        head = Text(f"{count:,} of {key}{f', {name}' if name else ''}: ")
        console.print(head.append(words, "dim"), soft_wrap=True)
    _show_refusals(summary)


def _show_refusals(summary: FireSummary) -> None:
    if not summary.refusals:
        return
    table = Table(title="Refused events", title_justify="left", box=None, header_style="dim")
    table.add_column("Line", justify="right")
    table.add_column("Event key", overflow="fold")
    table.add_column("Reason")
    for line, error in summary.refusals:
        wrong = [f"{each.field}: {each.description}" for each in error.violations]
        key = line.event.event_key if line.event is not None else ""
        table.add_row(str(line.number), Text(key), Text("; ".join(wrong) or error.text))
    console.print(table)
    left = summary.refused - len(summary.refusals)
    if left > 0:
        console.print(f"and {left:,} more; --refused FILE writes all of them", style="dim")


def _result(triggered: str, outcome: int) -> triggers_pb2.FireResult:
    value = triggers_pb2.FireOutcome.ValueType(outcome)
    result = triggers_pb2.FireResult(outcome=value)
    if triggered:
        result.triggered_messages.add(triggered_message_id=triggered, outcome=value)
    return result
