"""Names of generated records: made of a place and a few words, so that searches find what they would in earnest."""

# Words are read more easily without quotation marks.
# ruff: noqa: SIM905

THEMES = """
银发关爱 青少年心理 党史学习 楼宇白领 垃圾分类 健康义诊 就业帮扶 法律援助 科普进社区
消防安全 邻里互助 助残 非遗传承 数字助老 亲子阅读 慈善公益 双拥共建 文明创建
社区微更新 慢病管理 应急救护 河道巡护 商圈共治 快递骑手关怀 民族团结 退役军人 家风家训
食品安全 反诈宣传 社区花园 毕业生实习 老年助餐 困境儿童 校园周边治理 园区服务 红色观影
楼组自治 急救培训 电动车治理 节能减排
""".split()
PROJECT_FORMS = """
服务项目 志愿行动 三年计划 讲堂 结对共建 工作坊 巡讲 驿站 调研
品牌
""".split()
EVENT_FORMS = """
启动仪式 推进会 联席会议 签约仪式 主题党日 现场会 总结会 揭牌仪式 研讨会
交流活动
""".split()
UNIT_FORMS = """
社区卫生服务中心 中心小学 中学 派出所 消防救援站 农业银行支行 建设集团有限公司 科技有限公司 物业管理有限公司
社会工作服务社 文化活动中心 图书馆 养老院 市场监督管理所 律师事务所 幼儿园 设计研究院 电力公司
商会 志愿者协会
""".split()
ALLIANCE_FORMS = """
区域化党建联席会议 党建联盟 商圈党建联盟 共治委员会 党建工作站
""".split()
SUMMARY = "由成员单位轮流承办,面向辖区居民,每季度一次,结果在联席会议上通报。"
PER_STREET = 4  # different names of one kind in one street; a project is held again in other years


def project_name(place: str, number: int) -> str:
    """Return the name of the project with a number in a place."""
    return place + THEMES[number % len(THEMES)] + PROJECT_FORMS[number // 7 % len(PROJECT_FORMS)]


def event_name(place: str, number: int) -> str:
    """Return the name of the event with a number in a place."""
    return place + THEMES[number % len(THEMES)] + EVENT_FORMS[number // 7 % len(EVENT_FORMS)]


def unit_name(place: str, number: int) -> str:
    """Return the name of the unit with a number in a place."""
    return place + UNIT_FORMS[number % len(UNIT_FORMS)]


def alliance_name(place: str, number: int) -> str:
    """Return the name of the alliance with a number in a place."""
    return place + ALLIANCE_FORMS[number % len(ALLIANCE_FORMS)]
