"""Writes test/golden/grid-games.json: transitions of gymnasium's FrozenLake and of gym-sokoban.

pip install gymnasium==1.4.0 gym-sokoban==0.0.6 gym==0.26.2 imageio "setuptools<80"
python scripts/golden/grid-games.py
"""

import json
import random
from pathlib import Path

import gymnasium
import numpy
from gym_sokoban.envs.sokoban_env import SokobanEnv

OUT = Path(__file__).parents[2] / "test/golden/grid-games.json"
FROZEN_MOVES = ["left", "down", "right", "up"]
SOKOBAN_MOVES = {1: "up", 2: "down", 3: "left", 4: "right"}


def frozen_lake():
    """For each map and ice: all transitions of all walkable cells, as [probability, cell, reward, over]."""
    cases = []
    maps = {"4x4": None, "8x8": None, "mixed": ["SFH", "FFF", "HFG"]}
    for name, desc in maps.items():
        for slippery, rate in [(False, 1.0), (True, 1 / 3), (True, 0.8)]:
            game = gymnasium.make(
                "FrozenLake-v1", map_name=name, desc=desc, is_slippery=slippery, success_rate=rate
            ).unwrapped
            rows = ["".join(letter.decode() for letter in row) for row in game.desc]
            transitions = {
                str(cell): {
                    FROZEN_MOVES[move]: [
                        [float(p), int(to), float(reward), bool(over)] for p, to, reward, over in moves
                    ]
                    for move, moves in by_move.items()
                }
                for cell, by_move in game.P.items()
                if "".join(rows)[cell] not in "GH"
            }
            cases.append({"map": rows, "slippery": slippery, "successRate": rate, "transitions": transitions})
    return cases


def episode_steps(name):
    return gymnasium.spec(name).max_episode_steps


def sokoban(seed, size, boxes, steps):
    """One episode of random pushes."""
    random.seed(seed)
    numpy.random.seed(seed)
    game = SokobanEnv((size, size), 60, boxes)
    fixed, state = game.room_fixed, game.room_state
    rows = ["".join("# ."[int(cell)] for cell in row) for row in fixed]
    pieces = lambda room: {
        "at": int(numpy.argwhere(room == 5)[0] @ [size, 1]),
        "boxes": sorted(int(place @ [size, 1]) for place in numpy.argwhere((room == 3) | (room == 4))),
    }
    begin, moves = pieces(state), []
    for _ in range(steps):
        action = random.randint(1, 4)
        _, reward, done, _ = game.step(action)
        moves.append([SOKOBAN_MOVES[action], float(reward), bool(done), pieces(game.room_state)])
        if done:
            break
    return {"rows": rows, **begin, "moves": moves}


if __name__ == "__main__":
    sizes = [(6, 1), (7, 2), (8, 2), (10, 3)]
    episodes = [sokoban(seed, *sizes[seed % len(sizes)], 60) for seed in range(24)]
    # A room whose box is next to its target: the last push wins.
    solved = [one for one in (sokoban(seed, 5, 1, 60) for seed in range(100, 180)) if one["moves"][-1][1] > 5][:6]
    OUT.write_text(
        json.dumps(
            {
                "gymnasium": gymnasium.__version__,
                "frozenlake": frozen_lake(),
                "sokoban": episodes + solved,
                "maxSteps": {"sokoban": 60, "frozenlake4x4": episode_steps("FrozenLake-v1")},
            },
            separators=(",", ":"),
        )
        + "\n"
    )
