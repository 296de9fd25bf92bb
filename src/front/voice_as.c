#include "front/voice_as.h"

static struct str voice_as_model(const struct registry_model *model)
{
    return model == NULL ? STR_EMPTY : model->id;
}

static int64_t voice_as_number(int64_t said, int64_t usual)
{
    return said == FLEET_CAP_NONE ? usual : said;
}

bool voice_as_of(const struct registry_product *product, const struct fleet *fleet,
                 struct voice_as *ret_as)
{
    const struct registry_voice *said = &product->voice;
    const struct fleet_voice *own = fleet == NULL ? NULL : fleet_voice(fleet);
    *ret_as = (struct voice_as){
        .texts = {
            [FLEET_VOICE_HEAR] = voice_as_model(said->hear),
            [FLEET_VOICE_THINK] = voice_as_model(said->think),
            [FLEET_VOICE_SPEAK] = voice_as_model(said->speak),
            [FLEET_VOICE_VOICE] = said->voice,
            [FLEET_VOICE_LANGUAGE] = said->language,
            [FLEET_VOICE_INSTRUCTIONS] = said->instructions,
        },
        .turns_minute = VOICE_TURNS_MINUTE,
        .session_minutes = VOICE_SESSION_MINUTES,
    };
    if (own != NULL) {
        for (size_t i = 0; i < FLEET_VOICE_TEXTS; i++) {
            ret_as->own[i] = own->texts[i].len > 0;
            ret_as->texts[i] = ret_as->own[i] ? own->texts[i] : ret_as->texts[i];
        }
        ret_as->turns_minute = voice_as_number(own->turns_minute, VOICE_TURNS_MINUTE);
        ret_as->session_minutes = voice_as_number(own->session_minutes, VOICE_SESSION_MINUTES);
    }
    bool whole = true;
    for (size_t i = 0; i <= FLEET_VOICE_VOICE; i++) {
        whole = whole && ret_as->texts[i].len > 0;
    }
    return whole;
}
