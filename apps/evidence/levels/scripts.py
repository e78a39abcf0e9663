"""One script for two: traditional characters as simplified ones, so that a cue word is listed once."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

# The characters of cue words, measure words, numerals and dates that differ, in pairs: traditional, simplified.
PAIRS = (
    "萬万億亿兩两餘余個个場场項项類类種种戶户間间隻只輛辆條条屆届歲岁壹一貳二參参叁三肆四伍五陸陆柒七捌八玖九拾十佰百仟千約约過过達达將将計计劃划擬拟為为與与後后來来於于從从區区會会議议員员單单學学醫医黨党"
    "團团體体業业務务實实際际設设備备構构機机關关辦办開开啟启發发佈布舉举動动協协聯联組组織织處处隊队進进續续結结對对認认領领導导簽签贈赠頒颁獎奖榮荣譽誉證证書书報报電电視视紀纪錄录標标準准樓楼廳厅館馆園园"
    "陣阵點点線线網网絡络資资產产財财經经銀银貿贸農农漁渔礦矿廠厂製制創创軟软環环衛卫護护養养療疗診诊藥药運运鍛锻煉炼飲饮課课講讲師师訓训練练調调題题試试驗验階阶圍围層层級级態态勢势規规則则權权責责賬账號号"
    "歷历時时還还這这該该雙双們们鎮镇鄉乡莊庄鐵铁橋桥門门樹树維维顧顾問问屬属圖图繪绘畫画詩诗詞词樂乐劇剧藝艺術术戲戏遊游賽赛觀观訪访談谈說说論论評评價价見见覺觉聽听讀读寫写閱阅習习滿满願愿憶忆愛爱歡欢慶庆"
    "齊齐興兴築筑鞏巩擴扩綜综連连帶带獲获給给讓让請请應应據据憑凭隨随緊紧補补貼贴獻献貢贡籌筹匯汇繳缴納纳費费額额幣币圓圆優优質质錢钱現现終终復复廢废銷销註注冊册離离變变遷迁換换輪轮選选擔担職职稱称別别簡简"
    "長长並并"
)
# Longer texts are not remembered: names and most spans are short, and a span may be a whole article.
REMEMBERED_AT_MOST = 1000
Result = TypeVar("Result")
_TABLE = {ord(old): new for old, new in zip(PAIRS[::2], PAIRS[1::2], strict=True)}
FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}


def remembered(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Return a function of a text that remembers what it gave for short ones."""
    kept = lru_cache(maxsize=8192)(function)

    def call(text: str) -> Result:
        return kept(text) if len(text) <= REMEMBERED_AT_MOST else function(text)

    return call


def fold(text: str) -> str:
    """Return a text in simplified characters and half-width forms, character by character: positions stay."""
    return text.translate(FULL_WIDTH).translate(_TABLE)
