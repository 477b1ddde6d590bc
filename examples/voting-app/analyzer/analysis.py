"""What the ballots say: pure functions from ballots to numbers, and from numbers to sentences."""

import math
from collections import Counter, namedtuple

Ballot = namedtuple("Ballot", "voter choice at")  # at: seconds since 1970

RECENT = 300  # seconds that count as "the last five minutes"
POINTS = 40  # of the trend


def analyse(ballots, labels, now):
    """Ballots in the order they were cast; labels: {"a": "Cats", "b": "Dogs"}; now: seconds since 1970."""
    first, second = labels
    latest = {ballot.voter: ballot.choice for ballot in ballots}
    votes = {choice: 0 for choice in labels} | Counter(latest.values())
    total = votes[first] + votes[second]
    recent = [ballot for ballot in ballots if ballot.at > now - RECENT]
    before = [ballot for ballot in ballots if now - 2 * RECENT < ballot.at <= now - RECENT]
    facts = {
        "total": total,
        "ballots": len(ballots),
        "changedTheirMind": changes(ballots),
        "votes": [{"choice": choice, "label": label, "votes": votes[choice]} for choice, label in labels.items()],
        "rate": {"perMinute": per_minute(recent), "before": per_minute(before), "windowSeconds": RECENT},
        "chance": chance(votes[first], votes[second]),
        "trend": trend(ballots, labels, now),
        "recentShare": share(recent, first),
    }
    return facts | {"summary": summary(facts)}


def per_minute(ballots):
    return round(60 * len(ballots) / RECENT, 2)


def share(ballots, choice):
    return round(sum(ballot.choice == choice for ballot in ballots) / len(ballots), 4) if ballots else None


def changes(ballots):
    """How often a voter's ballot replaced one for the other choice."""
    latest, changed = {}, 0
    for ballot in ballots:
        changed += latest.get(ballot.voter, ballot.choice) != ballot.choice
        latest[ballot.voter] = ballot.choice
    return changed


def chance(one, other):
    """How likely a lead of this size is among undecided voters (two-sided; each tossing a fair coin). 20:10 → 0.0987."""
    count, most = one + other, max(one, other)
    if count == 0 or one == other:
        return 1.0
    if count > 1000:  # the binomial's tail is the normal's by then
        return round(math.erfc((2 * most - count - 1) / math.sqrt(2 * count)), 4)
    tail = sum(math.comb(count, k) for k in range(most, count + 1)) / 2**count
    return round(min(1.0, 2 * tail), 4)


def trend(ballots, labels, now):
    """The standing at POINTS moments from the first ballot until now: [{"at", "a", "b"}, …]."""
    if not ballots:
        return []
    start = ballots[0].at
    step = max(now - start, 1) / (POINTS - 1)
    latest, standing, points, taken = {}, Counter(), [], 0
    for index in range(POINTS):
        until = max(now, ballots[-1].at) if index == POINTS - 1 else start + index * step
        while taken < len(ballots) and ballots[taken].at <= until:
            ballot = ballots[taken]
            if ballot.voter in latest:
                standing[latest[ballot.voter]] -= 1
            latest[ballot.voter] = ballot.choice
            standing[ballot.choice] += 1
            taken += 1
        points.append({"at": round(until, 1)} | {choice: standing[choice] for choice in labels})
    return points


def summary(facts):
    if facts["total"] == 0:
        return "Nobody has voted yet."
    return " ".join(filter(None, [standing(facts), certainty(facts), pace(facts), movement(facts), minds(facts)]))


def standing(facts):
    leader, other = sorted(facts["votes"], key=lambda entry: -entry["votes"])
    total = facts["total"]
    if leader["votes"] == other["votes"]:
        return f"{leader['label']} and {other['label']} are level with {votes(leader['votes'])} each."
    if other["votes"] == 0:
        return f"{'The only vote is' if total == 1 else f'All {total} votes are'} for {leader['label']}."
    lead = leader["votes"] - other["votes"]
    return f"{leader['label']} lead with {percent(leader['votes'] / total)} of {votes(total)}, {lead} ahead of {other['label']}."


def certainty(facts):
    if facts["total"] < 2 or facts["votes"][0]["votes"] == facts["votes"][1]["votes"]:
        return ""
    if facts["chance"] < 0.01:
        return "That is more than chance."
    if facts["chance"] < 0.1:
        return f"That is hardly chance: undecided voters would give such a lead {odds(facts['chance'])}."
    return f"That may well be chance: undecided voters would give such a lead {odds(facts['chance'])}."


def pace(facts):
    rate, before = facts["rate"]["perMinute"], facts["rate"]["before"]
    if rate == 0:
        return "No ballot came in during the last five minutes."
    now = f"{rate:g} ballot{'' if rate == 1 else 's'} a minute came in during the last five"
    if before == 0:
        return f"{now}, after none in the five before."
    if 0.8 < rate / before < 1.25:
        return f"{now}, about as many as in the five before."
    return f"{now}, {'more' if rate > before else 'fewer'} than the {before:g} of the five before."


def movement(facts):
    """Says who gains when the recent ballots differ clearly from the standing."""
    recent = facts["recentShare"]
    if recent is None or facts["ballots"] < 10:
        return ""
    overall = facts["votes"][0]["votes"] / facts["total"]
    if abs(recent - overall) < 0.05:
        return ""
    gaining = facts["votes"][0 if recent > overall else 1]
    part = recent if recent > overall else 1 - recent
    was = overall if recent > overall else 1 - overall
    return f"{gaining['label']} are gaining: {percent(part)} of the recent ballots, against {percent(was)} overall."


def minds(facts):
    changed = facts["changedTheirMind"]
    return f"Minds were changed {'once' if changed == 1 else f'{changed} times'}." if changed else ""


def votes(count):
    return f"{count} vote{'' if count == 1 else 's'}"


def percent(part):
    return f"{100 * part:.0f} %"


def odds(part):
    return f"{100 * part:.0f} times in a hundred"
