"""Serves a Gymnasium game with OpenEnv.

pip install openenv-core==0.3.0 "gymnasium[toy-text]==1.4.0" uvicorn pillow
python examples/gymnasium-server.py --port 8000 [--game FrozenLake-v1] [--sessions 64]
"""

import argparse
import base64
import io

import gymnasium
import uvicorn
from gymnasium.envs.toy_text.frozen_lake import generate_random_map
from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app
from PIL import Image


class Move(Action):
    action: int


class Screen(Observation):
    picture: str
    text: str


class Game(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, name: str):
        super().__init__()
        self._name = name
        self._game = None
        self._steps = 0

    def reset(self, seed=None, episode_id=None, **_):
        self.close()
        self._steps = 0
        # Everything must follow from the seed: after a crash, an episode is played again from its seed and actions.
        lake = {"desc": generate_random_map(size=4, seed=seed), "is_slippery": False}
        self._game = gymnasium.make(
            self._name, render_mode="rgb_array", **(lake if self._name.startswith("FrozenLake") else {})
        )
        observation, _ = self._game.reset(seed=seed)
        return self._screen(observation, 0.0, False)

    def step(self, action: Move, timeout_s=None, **_):
        self._steps += 1
        observation, reward, terminated, truncated, _ = self._game.step(action.action)
        return self._screen(observation, float(reward), bool(terminated or truncated))

    @property
    def state(self) -> State:
        return State(step_count=self._steps)

    def _screen(self, observation, reward: float, done: bool) -> Screen:
        file = io.BytesIO()
        Image.fromarray(self._game.render()).save(file, "PNG")
        picture = base64.b64encode(file.getvalue()).decode()
        return Screen(picture=picture, text=f"place {observation}", reward=reward, done=done)

    def close(self):
        if self._game is not None:
            self._game.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--game", default="FrozenLake-v1")
    parser.add_argument("--sessions", type=int, default=64)
    given = parser.parse_args()
    app = create_fastapi_app(lambda: Game(given.game), Move, Screen, max_concurrent_envs=given.sessions)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning")
