import unittest

from analysis import Ballot, analyse, chance, changes, trend

LABELS = {"a": "Cats", "b": "Dogs"}
NOW = 1_000_000


def ballots(text, every=10):
    """"aab" → three voters, the last one now."""
    return [Ballot(f"voter-{i}", choice, NOW - every * (len(text) - 1 - i)) for i, choice in enumerate(text)]


class Analysis(unittest.TestCase):
    def test_nobody(self):
        facts = analyse([], LABELS, NOW)
        self.assertEqual((facts["total"], facts["trend"], facts["summary"]), (0, [], "Nobody has voted yet."))

    def test_one(self):
        self.assertIn("The only vote is for Cats.", analyse(ballots("a"), LABELS, NOW)["summary"])

    def test_level(self):
        self.assertIn("Cats and Dogs are level with 2 votes each.", analyse(ballots("abba"), LABELS, NOW)["summary"])

    def test_lead(self):
        facts = analyse(ballots("a" * 30 + "b" * 6), LABELS, NOW)
        self.assertIn("Cats lead with 83 % of 36 votes, 24 ahead of Dogs. That is more than chance.", facts["summary"])
        self.assertEqual(facts["rate"]["perMinute"], 6)

    def test_gaining(self):
        facts = analyse(ballots("a" * 60 + "b" * 30), LABELS, NOW)
        self.assertIn("Dogs are gaining: 100 % of the recent ballots, against 33 % overall.", facts["summary"])

    def test_a_changed_mind_counts_once(self):
        cast = [Ballot("x", "a", NOW - 3), Ballot("x", "a", NOW - 2), Ballot("x", "b", NOW - 1)]
        facts = analyse(cast, LABELS, NOW)
        self.assertEqual((facts["total"], changes(cast)), (1, 1))
        self.assertIn("Minds were changed once.", facts["summary"])

    def test_chance(self):
        self.assertEqual((chance(0, 0), chance(5, 5), chance(20, 10), chance(10, 20)), (1.0, 1.0, 0.0987, 0.0987))
        self.assertAlmostEqual(chance(510, 480), chance(520, 490), places=1)
        self.assertLess(chance(1100, 900), 0.0001)

    def test_trend_ends_at_the_standing(self):
        points = trend(ballots("aabab"), LABELS, NOW)
        self.assertEqual((points[0]["a"], points[-1]["a"], points[-1]["b"]), (1, 3, 2))
