"""Money: currencies of ISO 4217 and their minor units; whole numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

_DIGITS = {
    0: """
        BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
    """,
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN
        BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP
        ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
        IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
        MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP
        PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
        SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD
        XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MINOR_DIGITS: dict[str, int] = {
    code: digits for digits, codes in _DIGITS.items() for code in codes.split()
}
"""Active currency -> decimals of its minor unit (January 2026).

Codes without a minor unit (metals, testing, baskets) are not money here.
"""


class CurrencyUnknown(ValueError):
    """The text is no active currency of ISO 4217 with a minor unit."""


def minor_per_unit(*, currency: str) -> int:
    """Return how many minor units one unit has: 100 for EUR, 1 for JPY.

    Raises:
        CurrencyUnknown: no active currency has this code.
    """
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise CurrencyUnknown(f"{currency!r} is no active currency of ISO 4217")
    return int(10**digits)


def points_for(*, amount_minor: int, minor_per_unit: int, rate: Fraction) -> int:
    """Return points for the whole units in an amount, rounded down; never below 0."""
    units = max(amount_minor, 0) // minor_per_unit
    return units * rate.numerator // rate.denominator


def spread(*, total: int, weights: Sequence[int]) -> list[int]:
    """Split a total by weights into whole parts that add up to it: largest remainder.

    No part is further than 1 from its exact share; of equal remainders the first has
    the unit. A total that is no more than the weights together exceeds none of them.

    Raises:
        ValueError: there is something to split, and nothing to split it by.
    """
    whole = sum(weights)
    if not whole:
        if total:
            raise ValueError("a total cannot be split by weights that are all 0")
        return [0] * len(weights)
    shares = [divmod(total * weight, whole) for weight in weights]
    parts = [share for share, _ in shares]
    left = total - sum(parts)
    if left:
        rests = [rest for _, rest in shares]
        # Reversed, and still the first of equal ones first.
        places = sorted(range(len(parts)), key=rests.__getitem__, reverse=True)
        for place in places[:left]:
            parts[place] += 1
    return parts
