"""Readings are reviewed one by one: the lists below are the expectation, not what the code happened to say."""

from pathlib import Path

import pytest
from pypinyin.constants import PINYIN_DICT

from apps.common.values.pinyin import initials, normalise_term, romanise, search_key, slugify_name
from apps.registry.gazetteer.files import read
from apps.registry.gazetteer.rows import Gazetteer

DISTRICTS = {
    "黄浦区": "Huangpu Qu",
    "徐汇区": "Xuhui Qu",
    "长宁区": "Changning Qu",
    "静安区": "Jing'an Qu",
    "普陀区": "Putuo Qu",
    "虹口区": "Hongkou Qu",
    "杨浦区": "Yangpu Qu",
    "闵行区": "Minhang Qu",
    "宝山区": "Baoshan Qu",
    "嘉定区": "Jiading Qu",
    "浦东新区": "Pudong Xinqu",
    "金山区": "Jinshan Qu",
    "松江区": "Songjiang Qu",
    "青浦区": "Qingpu Qu",
    "奉贤区": "Fengxian Qu",
    "崇明区": "Chongming Qu",
}

STREETS = """
    # 黄浦区
    南京东路街道 = Nanjingdonglu Jiedao
    外滩街道 = Waitan Jiedao
    半淞园路街道 = Bansongyuanlu Jiedao
    小东门街道 = Xiaodongmen Jiedao
    豫园街道 = Yuyuan Jiedao
    老西门街道 = Laoximen Jiedao
    五里桥街道 = Wuliqiao Jiedao
    打浦桥街道 = Dapuqiao Jiedao
    淮海中路街道 = Huaihaizhonglu Jiedao
    瑞金二路街道 = Ruijin'erlu Jiedao
    # 徐汇区
    天平路街道 = Tianpinglu Jiedao
    湖南路街道 = Hunanlu Jiedao
    斜土路街道 = Xietulu Jiedao
    枫林路街道 = Fenglinlu Jiedao
    长桥街道 = Changqiao Jiedao
    田林街道 = Tianlin Jiedao
    虹梅路街道 = Hongmeilu Jiedao
    康健新村街道 = Kangjianxincun Jiedao
    徐家汇街道 = Xujiahui Jiedao
    凌云路街道 = Lingyunlu Jiedao
    龙华街道 = Longhua Jiedao
    漕河泾街道 = Caohejing Jiedao
    华泾镇 = Huajing Zhen
    漕河泾新兴技术开发区 = Caohejing Xinxing Jishu Kaifaqu
    # 长宁区
    华阳路街道 = Huayanglu Jiedao
    江苏路街道 = Jiangsulu Jiedao
    新华路街道 = Xinhualu Jiedao
    周家桥街道 = Zhoujiaqiao Jiedao
    天山路街道 = Tianshanlu Jiedao
    仙霞新村街道 = Xianxiaxincun Jiedao
    虹桥街道 = Hongqiao Jiedao
    程家桥街道 = Chengjiaqiao Jiedao
    北新泾街道 = Beixinjing Jiedao
    新泾镇 = Xinjing Zhen
    # 静安区
    江宁路街道 = Jiangninglu Jiedao
    石门二路街道 = Shimen'erlu Jiedao
    南京西路街道 = Nanjingxilu Jiedao
    静安寺街道 = Jing'ansi Jiedao
    曹家渡街道 = Caojiadu Jiedao
    天目西路街道 = Tianmuxilu Jiedao
    北站街道 = Beizhan Jiedao
    宝山路街道 = Baoshanlu Jiedao
    共和新路街道 = Gonghexinlu Jiedao
    大宁路街道 = Daninglu Jiedao
    彭浦新村街道 = Pengpuxincun Jiedao
    临汾路街道 = Linfenlu Jiedao
    芷江西路街道 = Zhijiangxilu Jiedao
    彭浦镇 = Pengpu Zhen
    # 普陀区
    曹杨新村街道 = Caoyangxincun Jiedao
    长风新村街道 = Changfengxincun Jiedao
    长寿路街道 = Changshoulu Jiedao
    甘泉路街道 = Ganquanlu Jiedao
    石泉路街道 = Shiquanlu Jiedao
    宜川路街道 = Yichuanlu Jiedao
    万里街道 = Wanli Jiedao
    真如镇街道 = Zhenruzhen Jiedao
    长征镇 = Changzheng Zhen
    桃浦镇 = Taopu Zhen
    # 虹口区
    欧阳路街道 = Ouyanglu Jiedao
    曲阳路街道 = Quyanglu Jiedao
    广中路街道 = Guangzhonglu Jiedao
    嘉兴路街道 = Jiaxinglu Jiedao
    凉城新村街道 = Liangchengxincun Jiedao
    四川北路街道 = Sichuanbeilu Jiedao
    北外滩街道 = Beiwaitan Jiedao
    江湾镇街道 = Jiangwanzhen Jiedao
    # 杨浦区
    定海路街道 = Dinghailu Jiedao
    平凉路街道 = Pinglianglu Jiedao
    江浦路街道 = Jiangpulu Jiedao
    四平路街道 = Sipinglu Jiedao
    控江路街道 = Kongjianglu Jiedao
    长白新村街道 = Changbaixincun Jiedao
    延吉新村街道 = Yanjixincun Jiedao
    殷行街道 = Yinhang Jiedao
    大桥街道 = Daqiao Jiedao
    五角场街道 = Wujiaochang Jiedao
    新江湾城街道 = Xinjiangwancheng Jiedao
    长海路街道 = Changhailu Jiedao
    # 闵行区
    江川路街道 = Jiangchuanlu Jiedao
    古美街道 = Gumei Jiedao
    新虹街道 = Xinhong Jiedao
    浦锦街道 = Pujin Jiedao
    莘庄镇 = Xinzhuang Zhen
    七宝镇 = Qibao Zhen
    颛桥镇 = Zhuanqiao Zhen
    华漕镇 = Huacao Zhen
    虹桥镇 = Hongqiao Zhen
    梅陇镇 = Meilong Zhen
    吴泾镇 = Wujing Zhen
    马桥镇 = Maqiao Zhen
    浦江镇 = Pujiang Zhen
    莘庄工业区 = Xinzhuang Gongyequ
    # 宝山区
    友谊路街道 = Youyilu Jiedao
    吴淞街道 = Wusong Jiedao
    张庙街道 = Zhangmiao Jiedao
    罗店镇 = Luodian Zhen
    大场镇 = Dachang Zhen
    杨行镇 = Yanghang Zhen
    月浦镇 = Yuepu Zhen
    罗泾镇 = Luojing Zhen
    顾村镇 = Gucun Zhen
    高境镇 = Gaojing Zhen
    庙行镇 = Miaohang Zhen
    淞南镇 = Songnan Zhen
    宝山工业园区 = Baoshan Gongye Yuanqu
    # 嘉定区
    新成路街道 = Xinchenglu Jiedao
    真新街道 = Zhenxin Jiedao
    嘉定镇街道 = Jiadingzhen Jiedao
    南翔镇 = Nanxiang Zhen
    安亭镇 = Anting Zhen
    马陆镇 = Malu Zhen
    徐行镇 = Xuhang Zhen
    华亭镇 = Huating Zhen
    外冈镇 = Waigang Zhen
    江桥镇 = Jiangqiao Zhen
    菊园新区 = Juyuan Xinqu
    嘉定工业区 = Jiading Gongyequ
    # 浦东新区
    潍坊新村街道 = Weifangxincun Jiedao
    陆家嘴街道 = Lujiazui Jiedao
    周家渡街道 = Zhoujiadu Jiedao
    塘桥街道 = Tangqiao Jiedao
    上钢新村街道 = Shanggangxincun Jiedao
    南码头路街道 = Nanmatoulu Jiedao
    沪东新村街道 = Hudongxincun Jiedao
    金杨新村街道 = Jinyangxincun Jiedao
    洋泾街道 = Yangjing Jiedao
    浦兴路街道 = Puxinglu Jiedao
    东明路街道 = Dongminglu Jiedao
    花木街道 = Huamu Jiedao
    川沙新镇 = Chuansha Xinzhen
    高桥镇 = Gaoqiao Zhen
    北蔡镇 = Beicai Zhen
    合庆镇 = Heqing Zhen
    唐镇 = Tangzhen
    曹路镇 = Caolu Zhen
    金桥镇 = Jinqiao Zhen
    高行镇 = Gaohang Zhen
    高东镇 = Gaodong Zhen
    张江镇 = Zhangjiang Zhen
    三林镇 = Sanlin Zhen
    惠南镇 = Huinan Zhen
    周浦镇 = Zhoupu Zhen
    新场镇 = Xinchang Zhen
    大团镇 = Datuan Zhen
    康桥镇 = Kangqiao Zhen
    航头镇 = Hangtou Zhen
    祝桥镇 = Zhuqiao Zhen
    泥城镇 = Nicheng Zhen
    宣桥镇 = Xuanqiao Zhen
    书院镇 = Shuyuan Zhen
    万祥镇 = Wanxiang Zhen
    老港镇 = Laogang Zhen
    南汇新城镇 = Nanhuixincheng Zhen
    芦潮港农场 = Luchaogang Nongchang
    东海农场 = Donghai Nongchang
    朝阳农场 = Chaoyang Nongchang
    中国（上海）自由贸易试验区（保税片区） = Zhongguo Shanghai Ziyou Maoyi Shiyanqu Baoshui Pianqu
    金桥经济技术开发区 = Jinqiao Jingji Jishu Kaifaqu
    张江高科技园区 = Zhangjiang Gaokeji Yuanqu
    # 金山区
    石化街道 = Shihua Jiedao
    朱泾镇 = Zhujing Zhen
    枫泾镇 = Fengjing Zhen
    张堰镇 = Zhangyan Zhen
    亭林镇 = Tinglin Zhen
    吕巷镇 = Lyuxiang Zhen
    廊下镇 = Langxia Zhen
    金山卫镇 = Jinshanwei Zhen
    漕泾镇 = Caojing Zhen
    山阳镇 = Shanyang Zhen
    上海湾区高新技术产业开发区 = Shanghai Wanqu Gaoxin Jishu Chanye Kaifaqu
    # 松江区
    岳阳街道 = Yueyang Jiedao
    永丰街道 = Yongfeng Jiedao
    方松街道 = Fangsong Jiedao
    中山街道 = Zhongshan Jiedao
    广富林街道 = Guangfulin Jiedao
    九里亭街道 = Jiuliting Jiedao
    泗泾镇 = Sijing Zhen
    佘山镇 = Sheshan Zhen
    车墩镇 = Chedun Zhen
    新桥镇 = Xinqiao Zhen
    洞泾镇 = Dongjing Zhen
    九亭镇 = Jiuting Zhen
    泖港镇 = Maogang Zhen
    石湖荡镇 = Shihudang Zhen
    新浜镇 = Xinbang Zhen
    叶榭镇 = Yexie Zhen
    小昆山镇 = Xiaokunshan Zhen
    松江工业区 = Songjiang Gongyequ
    佘山度假区 = Sheshan Dujiaqu
    上海松江出口加工区 = Shanghai Songjiang Chukou Jiagongqu
    # 青浦区
    夏阳街道 = Xiayang Jiedao
    盈浦街道 = Yingpu Jiedao
    香花桥街道 = Xianghuaqiao Jiedao
    朱家角镇 = Zhujiajiao Zhen
    练塘镇 = Liantang Zhen
    金泽镇 = Jinze Zhen
    赵巷镇 = Zhaoxiang Zhen
    徐泾镇 = Xujing Zhen
    华新镇 = Huaxin Zhen
    重固镇 = Chonggu Zhen
    白鹤镇 = Baihe Zhen
    # 奉贤区
    西渡街道 = Xidu Jiedao
    奉浦街道 = Fengpu Jiedao
    金海街道 = Jinhai Jiedao
    南桥镇 = Nanqiao Zhen
    奉城镇 = Fengcheng Zhen
    庄行镇 = Zhuanghang Zhen
    金汇镇 = Jinhui Zhen
    四团镇 = Situan Zhen
    青村镇 = Qingcun Zhen
    柘林镇 = Zhelin Zhen
    海湾镇 = Haiwan Zhen
    海湾旅游区 = Haiwan Lyuyouqu
    # 崇明区
    城桥镇 = Chengqiao Zhen
    堡镇 = Buzhen
    新河镇 = Xinhe Zhen
    庙镇 = Miaozhen
    竖新镇 = Shuxin Zhen
    向化镇 = Xianghua Zhen
    三星镇 = Sanxing Zhen
    港沿镇 = Gangyan Zhen
    中兴镇 = Zhongxing Zhen
    陈家镇 = Chenjia Zhen
    绿华镇 = Lyuhua Zhen
    港西镇 = Gangxi Zhen
    建设镇 = Jianshe Zhen
    新海镇 = Xinhai Zhen
    东平镇 = Dongping Zhen
    长兴镇 = Changxing Zhen
    新村乡 = Xincun Xiang
    横沙乡 = Hengsha Xiang
    前卫农场 = Qianwei Nongchang
    东平林场 = Dongping Linchang
    上实现代农业园区 = Shangshi Xiandai Nongye Yuanqu
"""

FORMER_STREETS = """
    提篮桥街道 = Tilanqiao Jiedao
    五角场镇 = Wujiaochang Zhen
    宝山城市工业园区 = Baoshan Chengshi Gongye Yuanqu
    菊园新区管委会 = Juyuan Xinqu Guanweihui
    金山工业区 = Jinshan Gongyequ
    上海市奉贤区海湾旅游区 = Shanghai Shi Fengxian Qu Haiwan Lyuyouqu
    金海社区 = Jinhai Shequ
"""


def table(text: str) -> dict[str, str]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return dict(line.split(" = ") for line in lines)


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return read(Path(__file__).parents[3] / "fixtures" / "gazetteer")


def test_all_districts_are_read_right(gazetteer: Gazetteer) -> None:
    assert {row.name: romanise(row.name) for row in gazetteer.districts if 2023 in row.editions} == DISTRICTS
    assert [romanise(name) for name in ("闸北区", "崇明县")] == ["Zhabei Qu", "Chongming Xian"]


def test_all_streets_of_today_are_read_right(gazetteer: Gazetteer) -> None:
    assert len(table(STREETS)) == 234
    assert {row.name: romanise(row.name) for row in gazetteer.streets if 2023 in row.editions} == table(STREETS)


def test_all_former_streets_are_read_right(gazetteer: Gazetteer) -> None:
    today = {row.name for row in gazetteer.streets if 2023 in row.editions}
    assert {row.name: romanise(row.name) for row in gazetteer.streets if row.name not in today} == table(FORMER_STREETS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("国定一居委会", "Guodingyi Juweihui"),
        ("翔殷路四九一弄居委会", "Xiangyinlu Sijiuyi Nong Juweihui"),
        ("翔殷路491弄居民区", "Xiangyinlu 491 Nong Juminqu"),
        ("殷行路四七零弄居委会", "Yinhanglu Siqiling Nong Juweihui"),
        ("浣纱六村居委会", "Huanshaliucun Juweihui"),
        ("凤城二村第一居委会", "Fengcheng'ercun Diyi Juweihui"),
        ("陈家行村村委会", "Chenjiahangcun Cunweihui"),
        ("六滧村村委会", "Liuxiaocun Cunweihui"),
        ("诸翟居委会", "Zhudi Juweihui"),
        ("佛字桥居委会", "Foziqiao Juweihui"),
        ("民乐社区居委会", "Minle Shequ Juweihui"),
        ("六灶镇", "Liuzao Zhen"),
        ("盛桥镇", "Shengqiao Zhen"),
    ],
)
def test_neighbourhoods_are_read_as_in_shanghai(name: str, expected: str) -> None:
    assert romanise(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("上海市长宁区", "Shanghai Shi Changning Qu"),  # 市长 is no word here
        ("上海市长海医院", "Shanghai Shi Changhai Yiyuan"),
        ("杨浦区长海路街道党工委", "Yangpu Qu Changhailu Jiedao Danggongwei"),
        ("第二军医大学", "Di'er Junyi Daxue"),
        ("上海外国语大学马克思主义学院", "Shanghai Waiguoyu Daxue Makesi Zhuyi Xueyuan"),
        ("中国科学院上海技术物理研究所", "Zhongguo Kexueyuan Shanghai Jishu Wuli Yanjiusuo"),
        ("上海大牧汗食品股份有限公司", "Shanghai Damuhan Shipin Gufen Youxian Gongsi"),
        ("五角场镇区域化党建联席会议", "Wujiaochang Zhen Quyuhua Dangjian Lianxi Huiyi"),
        ("张江镇党群服务中心", "Zhangjiang Zhen Dangqun Fuwu Zhongxin"),
        ("上海市杨浦区中原路小学", "Shanghai Shi Yangpu Qu Zhongyuanlu Xiaoxue"),
        ("上海市行知中学", "Shanghai Shi Xingzhi Zhongxue"),
        ("中国银行", "Zhongguo Yinhang"),
        ("先锋行动", "Xianfeng Xingdong"),
        ("长者照护中心", "Zhangzhe Zhaohu Zhongxin"),
    ],
)
def test_words_of_organisations_stand_apart(name: str, expected: str) -> None:
    assert romanise(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("360公司", "360 Gongsi"),
        ("ＡＢＣ（上海）", "ABC Shanghai"),
        ("Café咖啡", "Cafe Kafei"),
        ("  五角场镇\n", "Wujiaochang Zhen"),
        ("🙂五角场", "Wujiaochang"),
        ("カフェ", ""),
        ("", ""),
        ("\x00\ud800…", ""),
    ],
)
def test_what_is_not_chinese_is_kept_or_left_out(name: str, expected: str) -> None:
    assert romanise(name) == expected


def test_every_character_that_the_library_knows_has_an_ascii_reading() -> None:
    readings = {char: romanise(char) for char in map(chr, PINYIN_DICT)}
    assert {char: text for char, text in readings.items() if not (text.isascii() and text.isalpha())} == {}


def test_initials() -> None:
    assert [initials(name) for name in ("五角场镇", "静安区", "360公司", "翔殷路491弄", "…")] == [
        "wjcz",
        "jaq",
        "360gs",
        "xyl491n",
        "",
    ]


def test_slugs_are_ascii_words() -> None:
    assert slugify_name("五角场镇") == "wujiaochang-zhen"
    assert slugify_name("静安区") == "jingan-qu"
    assert slugify_name("吕巷镇") == "lyuxiang-zhen"
    assert slugify_name("360 Degree·环球") == "360-degree-huanqiu"


def test_a_long_slug_is_cut_between_words() -> None:
    assert slugify_name("五角场镇区域化党建联席会议", max_length=24) == "wujiaochang-zhen-quyuhua"
    assert slugify_name("五角场镇区域化党建联席会议", max_length=23) == "wujiaochang-zhen"
    assert slugify_name("五角场", max_length=5) == "wujia"
    assert len(slugify_name("联席会议" * 100)) <= 80


@pytest.mark.parametrize("name", ["", "  ", "…", "🙂", "カフェ"])
def test_a_name_without_a_usable_character_has_no_slug(name: str) -> None:
    with pytest.raises(ValueError, match="no slug can be made"):
        slugify_name(name)


def test_search_key_holds_name_pinyin_and_initials() -> None:
    assert search_key("五角场镇") == "五角场镇\nwujiaochangzhen\n\nwjcz"
    assert search_key("美好社区·先锋行动") == "美好社区先锋行动\nmeihaoshequxianfengxingdong\n\nmhsqxfxd"
    assert search_key("ABC") == "abc\nabc\n\nabc"


def test_search_key_holds_what_else_is_typed() -> None:
    assert search_key("吕巷镇") == "吕巷镇\nlyuxiangzhen\nlvxiangzhen\nlxz"
    assert search_key("堡镇") == "堡镇\nbuzhen\nbaozhen\nbz"
    assert "longjuweihui" in search_key("翔殷路四九一弄居委会")


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("五角场", "五角场镇"),
        ("Wujiao Chang", "五角场镇"),
        ("WJC", "五角场镇"),
        ("jing'an", "静安区"),
        ("Jing’an Qu", "静安区"),
        ("Lüxiang", "吕巷镇"),
        ("lvxiang", "吕巷镇"),
        ("“初心驿站”", "初心驿站"),
        ("美好社区 先锋行动", "美好社区·先锋行动"),
        ("（上海）", "中国(上海)自由贸易试验区"),
        ("３６０", "360公司"),
    ],
)
def test_a_normalised_term_is_found_in_the_search_key(term: str, name: str) -> None:
    assert normalise_term(term) in search_key(name)
