"""Changes recorded household games at random and records what the original engine says in them, for
`gtr conformance alfworld OUT`.

Needs textworld[pddl]==1.7.0 and alfworld==0.4.2:
python scripts/golden/alfworld-games.py GAMES OUT --count 40 --seed 1 [--steps 40]
GAMES: a folder of games, e.g. test/envs/alfworld/games. It changes the places of things and of the agent; what is open,
clean, hot, cold, on or sliced; what the agent holds; ids; the goal (every kind of the original's goal library, sliced
and movable ones too) and its text (special characters, other scripts).
"""

import argparse
import gzip
import json
import os
import random
import re
import warnings

warnings.filterwarnings("ignore")
import textworld
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos
from alfworld.gen import goal_library
from textworld.envs.pddl import PddlEnv

TEXTS = [
    "put the {obj} away",
    "Bring me (please) 1 {obj} & 2 others, now!",
    "Den {obj} hinstellen: schön & größer",
    "把{obj}放好",
    "take {obj} -> {recep}? yes",
    "a  double  blank ",
    'it\'s "quoted" here',
    "semi; colon",
    "hash # sign",
    "dot...",
    "tab\tinside",
    "back\\slash",
    "less < more > equal",
    "[brackets]",
    "pipe | pipe",
    "percent % 100",
    "UPPER {obj}",
    "comma, and, comma.",
]


def facts_of(problem):
    start, end = problem.index("(:init"), problem.index("(:goal")
    return re.findall(r"\((\w+(?: [^\s()]+)*)\)", problem[start + 6 : end]), start, end


def change(game, rng):
    """The game with another start and another goal."""
    problem = game["pddl_problem"]
    facts, start, end = facts_of(problem)
    facts = [fact.split() for fact in facts if not fact.startswith("distance")]  # costs, which no text asks for
    of = lambda name: [fact for fact in facts if fact[0] == name]
    receptacles = [fact[1] for fact in of("receptacleType")]
    kind_of = {fact[1]: fact[2] for fact in of("objectType") + of("receptacleType")}
    locations = sorted({fact[2] for fact in of("receptacleAtLocation")})
    at = {fact[1]: fact[2] for fact in of("receptacleAtLocation")}
    things = [fact[1] for fact in of("pickupable")]
    for fact in of("inReceptacle"):
        if rng.random() < 0.4:
            fact[2] = rng.choice(receptacles)
    for fact in of("objectAtLocation"):
        if rng.random() < 0.3:
            fact[2] = rng.choice(locations)
    if rng.random() < 0.5:
        of("atLocation")[0][2] = rng.choice(locations)
    for fact in rng.sample(facts, k=len(facts) // 60):
        if fact[0] in (
            "canContain",
            "pickupable",
            "cleanable",
            "openable",
            "heatable",
            "coolable",
            "receptacleAtLocation",
            "objectAtLocation",
            "inReceptacle",
            "isReceptacleObject",
        ):
            facts.remove(fact)
    for thing in things:
        for name in (
            "isClean",
            "isHot",
            "isCool",
            "isSliced",
            "isToggled",
            "sliceable",
            "cleanable",
            "heatable",
            "coolable",
            "toggleable",
            "isReceptacleObject",
        ):
            if rng.random() < 0.06:
                facts.append([name, thing])
    for receptacle in receptacles:
        for name in ("opened", "openable", "isClean"):
            if rng.random() < 0.1:
                facts.append([name, receptacle])
    held = rng.choice(things) if things and rng.random() < 0.3 else None
    if held:
        facts = [fact for fact in facts if not (fact[0] in ("inReceptacle", "objectAtLocation") and fact[1] == held)]
        facts += [["holds", "agent1", held], ["holdsAny", "agent1"]]
    bowls = [fact[1] for fact in facts if fact[0] == "isReceptacleObject"]
    for thing in rng.sample(things, k=min(3, len(things))):
        if bowls and thing not in bowls:
            facts.append(["inReceptacleObject", thing, rng.choice(bowls)])
    # Duplicate facts count once.
    facts = list({" ".join(fact): fact for fact in facts}.values())
    rng.shuffle(facts)
    # The original refuses games whose goal cannot be reached: pairs that exist and fit are more likely to be possible.
    kinds = {kind_of[thing] for thing in things if thing in kind_of}
    fitting = sorted(
        {(fact[1], fact[2]) for fact in of("canContain") if fact[2] in kinds and fact[1] in kind_of.values()}
    )
    recep, obj = rng.choice(fitting)
    params = {
        "obj": obj[:-4],
        "recep": recep[:-4],
        "toggle": rng.choice(["DeskLamp", "FloorLamp"]),
        "mrecep": rng.choice(["Bowl", "Cup", "Mug", "Plate", "Pan"]),
    }
    goal = goal_library.gdict[rng.choice(sorted(goal_library.gdict))]
    text = rng.choice(goal["templates"] + TEXTS).format(**{name: value.lower() for name, value in params.items()})
    problem = (
        problem[:start]
        + "(:init\n"
        + "\n".join(f"({' '.join(fact)})" for fact in facts)
        + "\n)\n"
        + goal["pddl"].format(**params).replace("#", "-")
    )
    if rng.random() < 0.3:
        scale = rng.choice(["_bar_", "_bar_plus_"])
        problem = re.sub(r"\b(\w+?)_bar__minus_", rf"\1{scale}", problem)
    escaped = json.dumps(text)[1:-1]
    grammar = re.sub(
        r'("rhs": "Your task is to: )[^"]*"', lambda found: found.group(1) + escaped + '."', game["grammar"]
    )
    return {**game, "pddl_problem": problem, "grammar": grammar}


def walk(file, rng, name, steps):
    env = AlfredInfos(AlfredDemangler(PddlEnv(textworld.EnvInfos(admissible_commands=True, won=True)), shuffle=False))
    env.load(file)
    state = env.reset()
    record = lambda step, command, score, reward, done: {
        "walk": name,
        "step": step,
        "command": command,
        "feedback": state["feedback"],
        "won": bool(state["won"]),
        "done": bool(done),
        "score": score,
        "reward": reward,
        "admissible_commands": list(state["admissible_commands"]),
    }
    yield record(0, None, None, None, False)
    for step in range(1, steps + 1):
        commands = state["admissible_commands"]
        rare = [
            command for command in commands if not command.startswith(("go to", "examine", "help", "inventory", "look"))
        ]
        command = rng.choice(rare if rare and rng.random() < 0.6 else commands)
        state, score, done = env.step(command)
        yield record(step, command, int(score), int(score), done)
        if done:
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("games")
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    found = sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(options.games)
        for name in names
        if re.fullmatch(r"game\.tw-pddl(\.gz)?", name)
    )
    games = [
        json.loads((gzip.open if file.endswith(".gz") else open)(file, "rt", encoding="utf8").read()) for file in found
    ]
    refused = 0
    for index in range(options.count):
        rng = random.Random(f"{options.seed} {index}")
        folder = os.path.join(options.out, f"game-{options.seed}-{index}")
        os.makedirs(folder, exist_ok=True)
        file = os.path.join(folder, "game.tw-pddl")
        with open(file, "w", encoding="utf8") as out:
            json.dump(change(rng.choice(games), rng), out)
        try:
            lines = [json.dumps(record) for record in walk(file, rng, "random", options.steps)]
        except Exception as error:
            refused += 1
            print(f"{folder}: the original refuses it: {type(error).__name__}: {str(error)[:120]}", flush=True)
            continue
        with open(os.path.join(folder, "transcripts.jsonl"), "w", encoding="utf8") as out:
            out.write("\n".join(lines) + "\n")
    print(f"{options.count - refused} games recorded, {refused} refused by the original")


main()
