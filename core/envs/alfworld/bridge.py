"""Plays ALFWorld games with the original Python package for a parent process: one JSON object a line, requests on
stdin, replies on stdout.

Requests: {"op": "start", "folder": "<the folder of a trial>"} and {"op": "step", "command": "go to fridge 1"}.
Replies: {"feedback", "commands", "won", "conditions": [met, total] or null, "picture": PNG in base64 or null}. If a
request fails, the reply is {"error": "..."} and the process exits: a simulator that has failed cannot be trusted.
The first line is {"ready": "<simulator>"}. `thor` needs the packages of alfworld[full] and a display for Unity;
`textworld` needs only alfworld itself.
"""

import base64
import json
import os
import struct
import sys
import traceback
import zlib

# The output of the packages goes to stderr: stdout is for the protocol.
protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

SPLIT = "eval_in_distribution"  # neither expert nor shuffled names


def send(message):
    protocol.write(json.dumps(message) + "\n")
    protocol.flush()


def config_for(folder, size):
    """The fields of alfworld's base_config.yaml that the two environments read, with one trial as the data set."""
    return {
        "general": {"training_method": "dqn"},
        "rl": {"training": {"max_nb_steps_per_episode": 1000000}},
        "dataset": {
            "data_path": folder,
            "eval_id_data_path": folder,
            "eval_ood_data_path": folder,
            "num_train_games": -1,
            "num_eval_games": -1,
        },
        "env": {
            "task_types": [1, 2, 3, 4, 5, 6],
            "domain_randomization": False,
            "goal_desc_human_anns_prob": 0,
            "expert_type": "handcoded",
            "thor": {
                "screen_width": size,
                "screen_height": size,
                "smooth_nav": False,
                "save_frames_to_disk": False,
                "save_frames_path": os.devnull,
            },
        },
        "controller": {"type": "oracle", "load_receps": True, "debug": False},
    }


class Thor:
    """AI2-THOR scenes; Unity is started once for all games."""

    def __init__(self, size):
        self.size, self.env = size, None

    def start(self, folder):
        from alfworld.agents.environment.alfred_thor_env import AlfredThorEnv

        if self.env is None:
            self.env = AlfredThorEnv(config_for(folder, self.size), train_eval=SPLIT)
            self.env.init_env(batch_size=1)
        else:
            self.env.config["dataset"].update(config_for(folder, self.size)["dataset"])
            self.env.get_env_paths()
        return self.reply(*self.env.reset())

    def step(self, command):
        feedback, _, _, infos = self.env.step([command])
        return self.reply(feedback, infos)

    def reply(self, feedback, infos):
        met, total = self.env.envs[0].env.get_goal_conditions_met()
        picture = png(self.env.get_frames()[0][:, :, ::-1])
        return answer(feedback, infos, [int(met), int(total)], picture)


class TextWorld:
    """The text engine of alfworld; it has no pictures and does not count conditions."""

    def __init__(self, size):
        self.env = None

    def start(self, folder):
        from alfworld.agents.environment.alfred_tw_env import AlfredTWEnv

        if self.env is not None:
            self.env.close()
        self.env = AlfredTWEnv(config_for(folder, 0), train_eval=SPLIT).init_env(batch_size=1)
        return answer(*self.env.reset(), None, None)

    def step(self, command):
        feedback, _, _, infos = self.env.step([command])
        return answer(feedback, infos, None, None)


def answer(feedback, infos, conditions, picture):
    return {
        "feedback": feedback[0],
        "commands": list(infos["admissible_commands"][0]),
        "won": bool(infos["won"][0]),
        "conditions": conditions,
        "picture": picture,
    }


def png(rgb):
    """An array [height, width, 3] of bytes as a PNG in base64."""
    height, width, _ = rgb.shape
    lines = b"".join(b"\0" + row.tobytes() for row in rgb)

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def main(simulator, size):
    env = {"thor": Thor, "textworld": TextWorld}[simulator](size)
    send({"ready": simulator})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            send(env.start(request["folder"]) if request["op"] == "start" else env.step(request["command"]))
        except Exception as error:
            traceback.print_exc()
            send({"error": f"{type(error).__name__}: {error}"})
            os._exit(1)  # threads of the simulator may hang


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
