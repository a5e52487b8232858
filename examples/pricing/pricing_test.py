#!/usr/bin/env python3
"""Runs pricing on the share prices of a Debian package: pricing_test.py PROGRAM CASE"""

import math
import os
import re
import subprocess
import sys

PROGRAM = os.path.abspath(sys.argv[1])
PRICES = "/usr/share/matplotlib/mpl-data/sample_data/Stocks.csv"  # of python-matplotlib-data


def check(holds, what, *output):
    if not holds:
        sys.exit("\n".join([f"wrong: {what}", *map(str, output)]))


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def column(name):
    with open(PRICES) as file:
        rows = [line.rstrip("\n").split(",") for line in file if not line.startswith("#")]
    at = rows[0].index(name)
    return [float(row[at]) for row in rows[1:] if row[at]]


def black_scholes(price, volatility):
    d1 = (0.03 + volatility**2 / 2) / volatility
    cdf = lambda x: 0.5 * math.erfc(-x / math.sqrt(2))
    return price * cdf(d1) - price * math.exp(-0.03) * cdf(d1 - volatility)


def prices():
    """The prices of the European option are those of the formula, within what chance allows."""
    check(os.path.exists(PRICES), f"there is no {PRICES}: install python-matplotlib-data")
    status, output, errors = run("--paths", 20000)
    check(status == 0 and errors == "", "the end", output, errors)
    rows = re.findall(r"^(\w+) +([\d.]+) +([\d.]+)% +([\d.]+) \+- +([\d.]+) +([\d.]+) +([\d.]+) \+- +([\d.]+)$", output, re.MULTILINE)
    check([row[0] for row in rows] == ["IBM", "AAPL", "MSFT", "AMZN"], "the shares", output)
    for share, *numbers in rows:
        price, volatility, drawn, error, formula, mean, _ = map(float, numbers)
        monthly = column(share)
        changes = [math.log(b / a) for a, b in zip(monthly, monthly[1:])]
        average = sum(changes) / len(changes)
        expected = math.sqrt(sum((c - average) ** 2 for c in changes) / (len(changes) - 1) * 12)
        check(abs(volatility / 100 - expected) < 0.001, f"the volatility of {share}", volatility, expected)
        check(abs(price - monthly[-1]) < 0.01, f"the price of {share}", price)
        check(abs(formula - black_scholes(monthly[-1], expected)) < 0.01, f"the formula for {share}", formula)
        check(abs(drawn - formula) < 5 * error, f"the drawn price for {share}", output)
        check(0 < mean < drawn, f"an option on the mean of {share} is worth less", output)


def processes():
    status, output, errors = run("--paths", 5000, "--processes", 3, "IBM")
    check(status == 0, "the end", output, errors)
    rows = re.findall(r"^ *(\d+) process(?:es)? +[\d.]+ s +[\d.]+x$", output, re.MULTILINE)
    check(rows == ["1", "2", "3"], "a row for each number of processes", output)
    check("All of them to the last bit the same." in output, "the same sums", output)


def options():
    check(run("--help")[0] == 0, "--help")
    check(run("--paths", "many")[0] == 2, "a number that is none")
    status, _, errors = run("NOSUCH")
    check(status == 1 and "NOSUCH" in errors, "a share that is not there", status, errors)


if __name__ == "__main__":
    {"prices": prices, "processes": processes, "options": options}[sys.argv[2]]()
