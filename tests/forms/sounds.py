"""Lengths of recordings that real encoders made (ffmpeg, espeak-ng, opusenc, flac, lame: those that are there), as we read them off
their containers, beside what ffprobe says, and Python's wave. What is not there is skipped by name.

    sounds.py PROGRAM
"""

import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile
import wave

SECONDS = [1.0, 7.35]
SOURCE = "sine=frequency=440:duration={}"
# name, arguments of ffmpeg, allowed difference in ms: padding of an encoder that a container does not tell
FFMPEG = [
    ("pcm.wav", ["-ac", "1", "-ar", "16000"], 1),
    ("stereo.wav", ["-ac", "2", "-ar", "44100", "-c:a", "pcm_s24le"], 1),
    ("float.wav", ["-c:a", "pcm_f32le"], 1),
    ("mulaw.wav", ["-ar", "8000", "-c:a", "pcm_mulaw"], 1),
    ("adpcm.wav", ["-ar", "16000", "-c:a", "adpcm_ms"], 100),
    ("big.wav", ["-rf64", "always"], 1),
    ("a.flac", [], 1),
    ("cbr.mp3", ["-c:a", "libmp3lame", "-b:a", "64k"], 60),
    ("vbr.mp3", ["-c:a", "libmp3lame", "-q:a", "6"], 60),
    ("low.mp3", ["-c:a", "libmp3lame", "-ar", "16000", "-ac", "1"], 120),
    ("bare.mp3", ["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"], 60),
    ("layer2.mp2", ["-c:a", "mp2"], 60),
    ("a.aac", ["-c:a", "aac"], 120),
    ("opus.ogg", ["-c:a", "libopus"], 20),
    ("low.opus", ["-c:a", "libopus", "-b:a", "8k"], 20),
    ("vorbis.ogg", ["-c:a", "libvorbis"], 30),
    ("a.m4a", ["-c:a", "aac"], 60),
    ("front.mp4", ["-c:a", "aac", "-movflags", "+faststart"], 60),
    ("live.mp4", ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"], 60),
    ("dash.mp4", ["-c:a", "aac", "-movflags", "dash+delay_moov", "-frag_duration", "500000"], 60),
    ("grown.mp4", ["-c:a", "aac", "-movflags", "frag_keyframe", "-frag_duration", "300000"], 60),
    ("a.webm", ["-c:a", "libopus"], 30),
    ("live.webm", ["-c:a", "libopus", "-live", "1", "-f", "webm"], 45),
    ("a.mka", ["-c:a", "libvorbis"], 45),
]


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, **options).stdout


def make_ffmpeg(folder):
    made, all_words = [], []
    for seconds in SECONDS:
        outputs = []
        for name, words, allowed in FFMPEG:
            path = folder / f"{seconds}-{name}"
            outputs += [*words, str(path)]
            made.append((path, allowed))
        all_words.append(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", SOURCE.format(seconds), *outputs])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda words: run(*words), all_words))
    pipe = folder / "pipe.wav"
    pipe.write_bytes(run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", SOURCE.format(3), "-f", "wav", "-"))
    made.append((pipe, 1))
    live = folder / "pipe.flac"
    live.write_bytes(run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", SOURCE.format(3), "-f", "flac", "-"))
    made.append((live, 1))
    chained = folder / "chained.ogg"
    chained.write_bytes(b"".join((folder / f"{each}-opus.ogg").read_bytes() for each in (1.0, 7.35)))
    return made, {pipe: 3000, chained: 8350}


def probe(path):
    """The packets' own end, where a container tells no duration."""
    words = ["ffprobe", "-v", "error", "-of", "csv=p=0"]
    text = run(*words, "-show_entries", "format=duration", str(path)).decode().strip()
    if text not in ("", "N/A"):
        return float(text) * 1000
    rows = run(*words, "-show_entries", "packet=pts_time,duration_time", str(path)).decode().split()
    start, length = (rows[-1].split(",") + ["0"])[:2]
    return (float(start) + float(length or 0)) * 1000


def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    wanted, skipped = {}, []
    try:
        if shutil.which("ffmpeg") and shutil.which("ffprobe"):
            made, known = make_ffmpeg(folder)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                lengths = pool.map(probe, [path for path, _ in made])
                wanted = {path: (ms, allowed) for (path, allowed), ms in zip(made, lengths)}
            wanted.update({path: (ms, 20) for path, ms in known.items()})
        else:
            skipped.append("ffmpeg")
        speech = folder / "speech.wav"
        if shutil.which("espeak-ng"):
            run("espeak-ng", "-w", str(speech), "How long is this sentence, when it is said aloud?")
        else:
            skipped.append("espeak-ng")
            with wave.open(str(speech), "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(8000)
                out.writeframes(b"\0\1" * 12345)
        with wave.open(str(speech)) as file:
            length = file.getnframes() * 1000 / file.getframerate()
        wanted[speech] = (length, 1)
        for words, name, allowed in ((["opusenc", "--quiet"], "enc.opus", 5), (["flac", "-s", "-o"], "enc.flac", 1),
                                     (["lame", "--quiet"], "enc.mp3", 120)):
            if not shutil.which(words[0]):
                skipped.append(words[0])
                continue
            path = folder / name
            run(*words, *((str(path), str(speech)) if words[-1] == "-o" else (str(speech), str(path))))
            wanted[path] = (length, allowed)
        lines = run(sys.argv[1], *map(str, wanted)).decode().splitlines()
        wrong = []
        for (path, (ms, allowed)), line in zip(wanted.items(), lines, strict=True):
            ours = line.split()[1]
            if ours == "-" or abs(float(ours) - ms) > allowed + 1:
                wrong.append(f"{path.name}: {line}, not {ms:.1f} ms")
        print("\n".join(wrong + [f"skip  {name} is not there" for name in skipped]))
        print(f"{len(lines) - len(wrong)} recordings are as long as others say, {len(wrong)} are not")
        sys.exit(1 if wrong else 0)
    finally:
        shutil.rmtree(folder)


main()
