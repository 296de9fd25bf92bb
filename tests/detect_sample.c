#include "detect_sample.h"

static const struct str sample_resident_id_provinces[] = {
    STR_INIT("11"), STR_INIT("12"), STR_INIT("13"), STR_INIT("14"), STR_INIT("15"), STR_INIT("21"),
    STR_INIT("22"), STR_INIT("23"), STR_INIT("31"), STR_INIT("32"), STR_INIT("33"), STR_INIT("34"),
    STR_INIT("35"), STR_INIT("36"), STR_INIT("37"), STR_INIT("41"), STR_INIT("42"), STR_INIT("43"),
    STR_INIT("44"), STR_INIT("45"), STR_INIT("46"), STR_INIT("50"), STR_INIT("51"), STR_INIT("52"),
    STR_INIT("53"), STR_INIT("54"), STR_INIT("61"), STR_INIT("62"), STR_INIT("63"), STR_INIT("64"),
    STR_INIT("65"), STR_INIT("71"), STR_INIT("81"), STR_INIT("82"), STR_INIT("83"),
};

static const struct str sample_uscc_registrars[] = {
    STR_INIT("11"), STR_INIT("12"), STR_INIT("13"), STR_INIT("19"), STR_INIT("21"), STR_INIT("29"),
    STR_INIT("31"), STR_INIT("32"), STR_INIT("33"), STR_INIT("34"), STR_INIT("35"), STR_INIT("39"),
    STR_INIT("41"), STR_INIT("49"), STR_INIT("51"), STR_INIT("52"), STR_INIT("53"), STR_INIT("59"),
    STR_INIT("61"), STR_INIT("62"), STR_INIT("69"), STR_INIT("71"), STR_INIT("72"), STR_INIT("79"),
    STR_INIT("81"), STR_INIT("89"), STR_INIT("91"), STR_INIT("92"), STR_INIT("93"), STR_INIT("A1"),
    STR_INIT("A9"), STR_INIT("N1"), STR_INIT("N2"), STR_INIT("N3"), STR_INIT("N9"), STR_INIT("Y1"),
};

static const struct str sample_mobile_prefixes[] = {
    STR_INIT("130"), STR_INIT("131"), STR_INIT("132"), STR_INIT("133"), STR_INIT("134"),
    STR_INIT("135"), STR_INIT("136"), STR_INIT("137"), STR_INIT("138"), STR_INIT("139"),
    STR_INIT("145"), STR_INIT("146"), STR_INIT("147"), STR_INIT("148"), STR_INIT("149"),
    STR_INIT("150"), STR_INIT("151"), STR_INIT("152"), STR_INIT("153"), STR_INIT("155"),
    STR_INIT("156"), STR_INIT("157"), STR_INIT("158"), STR_INIT("159"), STR_INIT("162"),
    STR_INIT("165"), STR_INIT("166"), STR_INIT("167"), STR_INIT("170"), STR_INIT("171"),
    STR_INIT("172"), STR_INIT("173"), STR_INIT("174"), STR_INIT("175"), STR_INIT("176"),
    STR_INIT("177"), STR_INIT("178"), STR_INIT("180"), STR_INIT("181"), STR_INIT("182"),
    STR_INIT("183"), STR_INIT("184"), STR_INIT("185"), STR_INIT("186"), STR_INIT("187"),
    STR_INIT("188"), STR_INIT("189"), STR_INIT("190"), STR_INIT("191"), STR_INIT("192"),
    STR_INIT("193"), STR_INIT("195"), STR_INIT("196"), STR_INIT("197"), STR_INIT("198"),
    STR_INIT("199"),
};

static const struct str sample_mobile_keywords[] = {
    STR_INIT("\xE6\x89\x8B\xE6\x9C\xBA"), /* 手机 */
    STR_INIT("\xE7\x94\xB5\xE8\xAF\x9D"), /* 电话 */
    STR_INIT("\xE6\x89\x8B\xE6\xA9\x9F"), /* 手機 */
    STR_INIT("\xE9\x9B\xBB\xE8\xA9\xB1"), /* 電話 */
    STR_INIT("+86"),
    STR_INIT("0086"),
};

static const struct str sample_card_unionpay[] = {
    STR_INIT("62"),
};

static const struct str sample_card_bins[] = {
    STR_INIT("9558"),
    STR_INIT("456351"),
    STR_INIT("601382"),
    STR_INIT("436742"),
};

static const struct str sample_card_keywords[] = {
    STR_INIT("\xE5\x8D\xA1\xE5\x8F\xB7"),             /* 卡号 */
    STR_INIT("\xE8\xB4\xA6\xE6\x88\xB7"),             /* 账户 */
    STR_INIT("\xE8\xB4\xA6\xE5\x8F\xB7"),             /* 账号 */
    STR_INIT("\xE9\x93\xB6\xE8\xA1\x8C\xE5\x8D\xA1"), /* 银行卡 */
    STR_INIT("\xE5\x8D\xA1\xE8\x99\x9F"),             /* 卡號 */
    STR_INIT("\xE8\xB3\xAC\xE6\x88\xB6"),             /* 賬戶 */
};

static const struct str sample_passport_keywords[] = {
    STR_INIT("\xE6\x8A\xA4\xE7\x85\xA7"), /* 护照 */
    STR_INIT("\xE8\xAD\xB7\xE7\x85\xA7"), /* 護照 */
    STR_INIT("passport"),
};

static const struct str sample_hkmo_permit_keywords[] = {
    STR_INIT("\xE9\x80\x9A\xE8\xA1\x8C\xE8\xAF\x81"), /* 通行证 */
    STR_INIT("\xE9\x80\x9A\xE8\xA1\x8C\xE8\xAD\x89"), /* 通行證 */
};

static const struct str sample_plate_provinces[] = {
    STR_INIT("\xE4\xBA\xAC"), /* 京 */
    STR_INIT("\xE6\xB4\xA5"), /* 津 */
    STR_INIT("\xE6\xB2\xAA"), /* 沪 */
    STR_INIT("\xE6\xB8\x9D"), /* 渝 */
    STR_INIT("\xE5\x86\x80"), /* 冀 */
    STR_INIT("\xE8\xB1\xAB"), /* 豫 */
    STR_INIT("\xE4\xBA\x91"), /* 云 */
    STR_INIT("\xE8\xBE\xBD"), /* 辽 */
    STR_INIT("\xE9\xBB\x91"), /* 黑 */
    STR_INIT("\xE6\xB9\x98"), /* 湘 */
    STR_INIT("\xE7\x9A\x96"), /* 皖 */
    STR_INIT("\xE9\xB2\x81"), /* 鲁 */
    STR_INIT("\xE6\x96\xB0"), /* 新 */
    STR_INIT("\xE8\x8B\x8F"), /* 苏 */
    STR_INIT("\xE6\xB5\x99"), /* 浙 */
    STR_INIT("\xE8\xB5\xA3"), /* 赣 */
    STR_INIT("\xE9\x84\x82"), /* 鄂 */
    STR_INIT("\xE6\xA1\x82"), /* 桂 */
    STR_INIT("\xE7\x94\x98"), /* 甘 */
    STR_INIT("\xE6\x99\x8B"), /* 晋 */
    STR_INIT("\xE8\x92\x99"), /* 蒙 */
    STR_INIT("\xE9\x99\x95"), /* 陕 */
    STR_INIT("\xE5\x90\x89"), /* 吉 */
    STR_INIT("\xE9\x97\xBD"), /* 闽 */
    STR_INIT("\xE8\xB4\xB5"), /* 贵 */
    STR_INIT("\xE7\xB2\xA4"), /* 粤 */
    STR_INIT("\xE9\x9D\x92"), /* 青 */
    STR_INIT("\xE8\x97\x8F"), /* 藏 */
    STR_INIT("\xE5\xB7\x9D"), /* 川 */
    STR_INIT("\xE5\xAE\x81"), /* 宁 */
    STR_INIT("\xE7\x90\xBC"), /* 琼 */
};

static const struct str sample_secret_level[] = {
    STR_INIT("\xE7\xBB\x9D\xE5\xAF\x86"), /* 绝密 */
    STR_INIT("\xE6\x9C\xBA\xE5\xAF\x86"), /* 机密 */
    STR_INIT("\xE7\xA7\x98\xE5\xAF\x86"), /* 秘密 */
};

static const struct str sample_internal_only[] = {
    STR_INIT("\xE5\x86\x85\xE9\x83\xA8\xE8\xB5\x84\xE6\x96\x99"), /* 内部资料 */
    STR_INIT("\xE4\xB8\x8D\xE5\xBE\x97\xE5\xA4\x96\xE4\xBC\xA0"), /* 不得外传 */
    STR_INIT("\xE4\xB8\xA5\xE7\xA6\x81\xE5\xA4\x96\xE4\xBC\xA0"), /* 严禁外传 */
};

static const struct str sample_military_zone[] = {
    STR_INIT("\xE5\x86\x9B\xE4\xBA\x8B\xE7\xA6\x81\xE5\x8C\xBA"),             /* 军事禁区 */
    STR_INIT("\xE5\x86\x9B\xE4\xBA\x8B\xE7\xAE\xA1\xE7\x90\x86\xE5\x8C\xBA"), /* 军事管理区 */
    STR_INIT("\xE5\x86\x9B\xE7\x94\xA8\xE6\x9C\xBA\xE5\x9C\xBA"),             /* 军用机场 */
    STR_INIT("\xE5\xBC\xB9\xE8\x8D\xAF\xE5\xBA\x93"),                         /* 弹药库 */
    STR_INIT("\xE9\x9B\xB7\xE8\xBE\xBE\xE9\x98\xB5\xE5\x9C\xB0"),             /* 雷达阵地 */
    STR_INIT("\xE5\xAF\xBC\xE5\xBC\xB9\xE9\x98\xB5\xE5\x9C\xB0"),             /* 导弹阵地 */
    STR_INIT("\xE9\x83\xA8\xE9\x98\x9F\xE7\x95\xAA\xE5\x8F\xB7"),             /* 部队番号 */
    STR_INIT("\xE6\x88\x98\xE5\xA4\x87\xE5\xB7\xA5\xE7\xA8\x8B"),             /* 战备工程 */
};

static const struct str sample_pipeline[] = {
    STR_INIT("\xE8\xBE\x93\xE6\xB2\xB9\xE7\xAE\xA1\xE9\x81\x93"), /* 输油管道 */
    STR_INIT("\xE8\xBE\x93\xE6\xB0\x94\xE7\xAE\xA1\xE9\x81\x93"), /* 输气管道 */
    STR_INIT("\xE7\xAE\xA1\xE7\xBA\xBF\xE8\xB5\xB0\xE5\x90\x91"), /* 管线走向 */
    STR_INIT("\xE6\x88\xAA\xE6\x96\xAD\xE9\x98\x80\xE5\xAE\xA4"), /* 截断阀室 */
    STR_INIT("\xE6\xB8\x85\xE7\xAE\xA1\xE7\xAB\x99"),             /* 清管站 */
    STR_INIT("\xE7\xAE\xA1\xE9\x81\x93\xE5\x9F\x8B\xE6\xB7\xB1"), /* 管道埋深 */
    STR_INIT("\xE9\xAB\x98\xE5\x90\x8E\xE6\x9E\x9C\xE5\x8C\xBA"), /* 高后果区 */
};

static const struct str sample_grid_scada[] = {
    STR_INIT("SCADA"),
    STR_INIT("RTU"),
    STR_INIT("IEC 60870-5-104"),
    STR_INIT("IEC 61850"),
    STR_INIT("\xE8\xB0\x83\xE5\xBA\xA6\xE8\x87\xAA\xE5\x8A\xA8\xE5\x8C\x96"), /* 调度自动化 */
    STR_INIT("\xE7\xBB\xA7\xE7\x94\xB5\xE4\xBF\x9D\xE6\x8A\xA4"),             /* 继电保护 */
    STR_INIT("\xE9\x81\xA5\xE6\xB5\x8B"),                                     /* 遥测 */
    STR_INIT("\xE9\x81\xA5\xE4\xBF\xA1"),                                     /* 遥信 */
    STR_INIT("\xE9\x81\xA5\xE6\x8E\xA7"),                                     /* 遥控 */
    STR_INIT("\xE5\x8F\x98\xE7\x94\xB5\xE7\xAB\x99"),                         /* 变电站 */
};

static const struct str sample_dataset_tag[] = {
    STR_INIT("dataset:cn-grid"),
    STR_INIT("dataset:cn-geo"),
};

static const struct str sample_coordinates[] = {
    STR_INIT("98 25 119.8 42.5"),    STR_INIT("119.8 26 123 41"),
    STR_INIT("108.2 21.5 113.5 25"), STR_INIT("113.5 22.53 114.5 25"),
    STR_INIT("114.5 22.6 117.5 25"), STR_INIT("108.6 18.1 111.1 20.2"),
    STR_INIT("99 22.8 105 25"),      STR_INIT("80 30.5 98 45"),
    STR_INIT("118 41 124 50"),       STR_INIT("124 43.5 131 50"),
};

#define ROW(values_) .values = (values_), .count = EP_ARRAY_LEN(values_)

static const struct detect_row sample_rows[] = {
    { .kind = DETECT_PROVINCE, .class = DETECT_RESIDENT_ID, ROW(sample_resident_id_provinces) },
    { .kind = DETECT_PREFIX, .class = DETECT_USCC, ROW(sample_uscc_registrars) },
    { .kind = DETECT_PREFIX, .class = DETECT_MOBILE, ROW(sample_mobile_prefixes) },
    { .kind = DETECT_KEYWORD, .class = DETECT_MOBILE, ROW(sample_mobile_keywords), .window = 12 },
    { .kind = DETECT_PREFIX,
      .class = DETECT_BANK_CARD,
      ROW(sample_card_unionpay),
      .strength = DETECT_STRONG },
    { .kind = DETECT_PREFIX,
      .class = DETECT_BANK_CARD,
      ROW(sample_card_bins),
      .strength = DETECT_WEAK },
    { .kind = DETECT_KEYWORD, .class = DETECT_BANK_CARD, ROW(sample_card_keywords), .window = 20 },
    { .kind = DETECT_KEYWORD,
      .class = DETECT_PASSPORT,
      ROW(sample_passport_keywords),
      .window = 20 },
    { .kind = DETECT_KEYWORD,
      .class = DETECT_HKMO_PERMIT,
      ROW(sample_hkmo_permit_keywords),
      .window = 20 },
    { .kind = DETECT_PROVINCE, .class = DETECT_PLATE, ROW(sample_plate_provinces) },
    { .kind = DETECT_LEVEL,
      .marker = STR_INIT("secret_level"),
      ROW(sample_secret_level),
      .min = 1 },
    { .kind = DETECT_TERM,
      .marker = STR_INIT("internal_only"),
      ROW(sample_internal_only),
      .min = 1 },
    { .kind = DETECT_TERM,
      .marker = STR_INIT("military_zone"),
      ROW(sample_military_zone),
      .min = 2 },
    { .kind = DETECT_TERM, .marker = STR_INIT("pipeline"), ROW(sample_pipeline), .min = 3 },
    { .kind = DETECT_TERM, .marker = STR_INIT("grid_scada"), ROW(sample_grid_scada), .min = 3 },
    { .kind = DETECT_TERM, .marker = STR_INIT("dataset_tag"), ROW(sample_dataset_tag), .min = 1 },
    { .kind = DETECT_BOUND, .marker = STR_INIT("coordinates"), ROW(sample_coordinates), .min = 50 },
};

const struct detect_row *detect_sample_rows(size_t *ret_count)
{
    *ret_count = EP_ARRAY_LEN(sample_rows);
    return sample_rows;
}

const struct detect_rules *detect_sample(void)
{
    static struct detect_rules *rules;
    if (rules == NULL) {
        struct detect_policy policy = detect_policy_default();
        ASSERT(detect_rules_compile(sample_rows, EP_ARRAY_LEN(sample_rows), &policy, &rules,
                                    NULL) == ERR_OK);
    }
    return rules;
}

size_t detect_sample_marker(struct str name)
{
    const struct detect_rules *rules = detect_sample();
    size_t marker = 0;
    while (marker < detect_rules_markers(rules) &&
           !str_eq(detect_rules_marker(rules, marker), name)) {
        marker++;
    }
    ASSERT(marker < detect_rules_markers(rules));
    return marker;
}

struct detect_result detect_sample_look(struct str text)
{
    static struct detector detector;
    struct detect_result result;
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    detect_feed(&detector, text);
    detect_end(&detector, &result);
    return result;
}
