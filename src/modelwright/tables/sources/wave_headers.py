"""What a WAV file holds, from its header. Standard library only."""

from __future__ import annotations

import io
import wave


def describe_wave(content: bytes) -> dict[str, int | float]:
    """`sample_rate`, `channels`, `bits`, `duration_s`. ValueError, with the reason, for what is no whole PCM file."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            frames, width = file.getnframes(), file.getnchannels() * file.getsampwidth()
            if len(file.readframes(frames)) < frames * width:
                raise ValueError("the sound ends early")
            if not file.getframerate() or not frames:
                raise ValueError("holds no sound")
            return {
                "sample_rate": file.getframerate(),
                "channels": file.getnchannels(),
                "bits": 8 * file.getsampwidth(),
                "duration_s": frames / file.getframerate(),
            }
    except EOFError:
        raise ValueError("the sound ends early" if content else "is empty") from None
    except wave.Error as error:
        raise ValueError(f"is not a WAV file of PCM samples: {error}") from None
