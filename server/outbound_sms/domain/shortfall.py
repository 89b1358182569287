"""Whether the money of an instance will do for texts, before they are accepted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Funds:
    """The money of an instance at a moment, in micros of its currency.

    `queued_cost_micros` is the price of the texts that wait already and are paid first. The rest is
    about automatic top-ups: `top_up_micros` is what one charges, 0 when they are off or none can be
    opened now; `open_micros` is to come by one that is open; `daily_left_micros` and
    `monthly_left_micros` are what the caps leave of the instance's day and month.
    """

    available_micros: int
    queued_cost_micros: int
    auto_buy: bool
    top_up_micros: int
    open_micros: int
    daily_left_micros: int
    monthly_left_micros: int

    def shortfall_micros(self, cost_micros: int) -> int:
        """What is lacking to pay for what waits and then for texts of this price; 0 if nothing."""
        return max(0, self.queued_cost_micros + cost_micros - self.available_micros)

    def auto_buy_covers(self, shortfall_micros: int) -> bool:
        """Whether automatic top-ups are on and make up for the shortfall within their caps."""
        return self.auto_buy and self.open_micros + self._most_bought() >= shortfall_micros

    def _most_bought(self) -> int:
        """What top-ups that are still to be opened come to at most: each is bought as a whole."""
        if self.top_up_micros == 0:
            return 0
        left = max(0, min(self.daily_left_micros, self.monthly_left_micros))
        return left // self.top_up_micros * self.top_up_micros
