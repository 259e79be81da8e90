/* injection_rules.c - wordings of what speaks to a language model: see injection_rules.h. */
#include "retrieve/injection_rules.h"

/* One answer to whatever is asked: the words of three kinds in any order that a language may put
 * them in. */
#define EVERY_QUESTION "any question|every question|each question|any query|every query|" \
                       "whatever question|all questions about|all questions on|" \
                       "jede frage|jeder frage|alle fragen zu|sämtliche fragen|toute question|" \
                       "toutes les questions sur|chaque question|" \
                       "cualquier pregunta|toda pregunta|todas las preguntas sobre|ogni domanda|" \
                       "qualsiasi domanda|tutte le domande su|" \
                       "todas as perguntas sobre|qualquer pergunta|toda pergunta|любой вопрос|" \
                       "каждый вопрос|все вопросы об|всі питання|" \
                       "każde pytanie|wszystkie pytania o|elke vraag|iedere vraag|" \
                       "alle vragen over|varje fråga|alla frågor om|hvert spørgsmål|" \
                       "her soru|tüm sorulara|任何问题|每个问题|所有关于|كل سؤال|أي سؤال|جميع الأسئلة حول|" \
                       "どんな質問|すべての質問"
#define ANSWER_IT      "answer|respond|reply|response|say|state|gib |antwort|sag|répond|répon|" \
                       "réponse|dis |dites|respond|contest|di |diga|" \
                       "rispond|rispost|respost|отвеч|ответ|скаж|odpow|antwoord|zeg|svar|säg|" \
                       "yanıt|cevap|söyle|回答|回复|说|أجب|قل|答え|言"
#define THIS_ALONE     "only|nothing but|always|is:|is :|nur |ausschließlich|immer |seulement|" \
                       "uniquement|toujours|únicamente|solamente|sólo|" \
                       "solo |siempre|soltanto|solamente|sempre|apenas|somente|только|лишь|" \
                       "всегда|tylko|zawsze|alleen|altijd|bara|endast|" \
                       "alltid|yalnızca|sadece|只|仅|总是|فقط|دائما|だけ|のみ"

/* Code that is to become part of what is written. */
#define FOREIGN_CODE "following code|subsequent code|below code"
#define YOUR_CODE    "your code|your implementation|your solution|your codebase|your script|" \
                     "your response|your software|your project|your application|" \
                     "your function|your algorithm|your program|your answer|your elucidation|" \
                     "your explanation"

const injection_rule injection_rules[] = {
    {0.7f, false, 90, {EVERY_QUESTION, ANSWER_IT, THIS_ALONE}},
    {0.7f, false, 90, {EVERY_QUESTION, THIS_ALONE, ANSWER_IT}},
    {0.7f, false, 90, {ANSWER_IT, EVERY_QUESTION, THIS_ALONE}},
    {0.7f, false, 90, {THIS_ALONE, ANSWER_IT, EVERY_QUESTION}},
    /* whoever makes an answer of this text */
    {0.7f,
     true,
     120,
     {"whoever compiles|whoever drafts|whoever writes the answer|"
      "whoever prepares a reply|whoever condenses|any summary of this|"
      "every summary of this|wer diesen text zusammen|wer dies zusammen|"
      "wer dieses dokument zusammen|wer aus diesem|"
      "wer eine antwort|quiconque résume|quiconque rédige|qui résume|"
      "quien resuma|quien resume|quien redacte|chi riassume|"
      "chi redige|chi scrive una risposta|quem resumir|quem redigir|"
      "wie dit samenvat|wie een antwoord|кто пересказ|"
      "тот, кто резюм|kto streszcza|den som sammanfattar|总结本|总结此",
      "must|should|has to|shall|is incomplete|mention|recommend|begin|close|end |"
      "soll|muss|empf|nenn|doit|devra|"
      "recommand|debe|deberá|recomend|deve|consigl|raccomand|moet|aanbevel|долж|"
      "рекоменд|musi|polec|ska|måste|必须|推荐",
      NULL}},
    /* orders against instructions */
    {0.95f,
     false,
     40,
     {"ignore |ignore,|ignore:|ignoring|disregard|forget|override|bypass|discard|do not follow|"
      "don't follow|neglect",
      "previous|prior|above|earlier|preceding|your|the original|these|those",
      "instruction|prompt|rule|direction|command|guideline|directive|context|"
      "request|"
      "told|training|polic|task|restriction|content you|information you|"
      "constraint"}},
    {0.95f,
     false,
     40,
     {"ignore |ignore,|ignore:|ignoring|disregard|forget|override|bypass|discard|do not follow|"
      "don't follow|neglect",
      "all|any|every", "instruction|prompt|direction|guideline|directive|told|training"}},
    {0.8f,
     false,
     30,
     {"ignore |ignoring|disregard|forget", "everything",
      "above|before|previous|learned|"
      "told|said|prior|you"}},
    {0.95f,
     false,
     40,
     {"ignoriere|ignorier |vergiss|vergessen sie|missachte|beacht nicht|überspring",
      "alle|vorherig|bisherig|obig|vorig|deine|ihre|die",
      "anweisung|instruktion|regel|vorgab|befehl|prompt|aufgabe"}},
    {0.95f,
     false,
     40,
     {"ignor|olvid|haz caso omiso|descart|omite",
      "instruccion|indicacion|reglas|órdenes|prompt|tarea", NULL}},
    {0.95f,
     false,
     40,
     {"ignor|oubli|ne tiens pas compte|ne tenez pas compte|fais abstraction",
      "instruction|consigne|règle|directive|prompt", NULL}},
    {0.95f,
     false,
     60,
     {"игнорир|проигнорир|забудь|не обращай внимания",
      "инструкц|указани|правил|"
      "команд",
      NULL}},
    {0.95f,
     false,
     40,
     {"忽略|无视|忘记|不要理会", "指令|指示|提示|规则|要求|之前的所有|之前所有|之前的一切|以上所有|以上内容|以上一切", NULL}},
    {0.95f, false, 60, {"تجاهل|انس|لا تتبع", "التعليمات|الأوامر|ما سبق|القواعد", NULL}},
    {0.7f,
     false,
     40,
     {"new instruction|updated instruction|real instruction|actual instruction|"
      "neue anweisung|nuevas instrucciones|nouvelles instructions",
      NULL, NULL}},
    /* the answer as a thing */
    {0.8f,
     true,
     160,
     {"add|includ|insert|append|integrat|incorporat|modif|augment|enhanc|embed|"
      "replac|"
      "rearrang|scrambl|misspell|substitut|use|translat|render|remov|group|"
      "combin|jumbl|"
      "anagram|introduc|teas|suggest|provide |writ|respond|repl|answer|put|"
      "convert|chang|"
      "encod|encrypt|reverse|start|begin|end|finish|output|promot|mention|"
      "recommend|"
      "weave|mix|alternat|capitali|swap|shift|omit|delete|shuffl|repeat|format|"
      "conceal|"
      "make|ensure|let|give|present|state|express|transform|apply|turn|inject|"
      "phrase|"
      "convey|shape|tailor|slip|sneak|hint|deliver|craft|creat|generat|conclud|"
      "mix|hide",
      "your response|your repl|your answer|your output|your message|your text|"
      "your completion|your summary|your next|your words|your sentence|"
      "your generated",
      NULL}},
    {0.8f,
     true,
     90,
     {"add |include |insert |append |integrate |incorporate |modify |embed |"
      "replace |rearrange |scramble |misspell |"
      "substitute |translate |render |remove |convert |change |encode |encrypt |"
      "reverse |start |begin |end |finish |"
      "weave |mix |alternate |capitalize |capitalise |swap |shift |shuffle |"
      "format |transform |inject |phrase |make ",
      "in the response|into the response|to the response|within the response|"
      "throughout the response|the response with|"
      "the response so|the response by|of the response|in the reply|"
      "into the reply|to the reply|within the reply|"
      "the reply with|of the reply|in the answer|into the answer|to the answer|"
      "within the answer|the answer with|"
      "of the answer|in the output|into the output|each word in|every word",
      NULL}},
    {0.8f,
     true,
     140,
     {"in your response|in your reply|in your answer|in your output|"
      "within your response|"
      "as part of your response|at the end of your|at the start of your|"
      "when you answer|when you respond|when answering|when responding",
      "add|includ|suggest|teas|mention|advis|encourag|promot|say|tell|write|"
      "recommend|use|"
      "put|hint|urge|invit|tell|ask|link|provide|give|insist|claim|state|print|"
      "output|"
      "insert|do not|never|always|refer|express|emphasi|stress",
      NULL}},
    {0.75f,
     false,
     90,
     {"füge|fügen sie|baue|ergänze|schreibe|antworte|beende|beginne|ersetze",
      "deiner antwort|deine antwort|ihrer antwort|jede antwort|"
      "in der antwort",
      NULL}},
    {0.75f,
     false,
     90,
     {"añade|agrega|incluye|escribe|responde|termina|reemplaza|inserta",
      "tu respuesta|su respuesta|la respuesta", NULL}},
    {0.75f,
     false,
     90,
     {"ajoute|insère|inclus|écris|réponds|termine|remplace", "ta réponse|votre réponse|la réponse",
      NULL}},
    {0.75f,
     false,
     60,
     {"在你的回答|在你的回复|你的回答|你的回复", "加入|添加|包含|写|说|推荐|必须", NULL}},
    {0.75f,
     true,
     60,
     {"respond|reply|answer|speak|write",
      "only|exclusively|solely|just|"
      "from now on",
      "in |with |as |using"}},
    {0.75f,
     true,
     40,
     {"respond with|reply with|answer with|only respond|only reply|just say|"
      "just print|"
      "just output|say exactly|output the following|repeat after me|"
      "repeat the following|repeat the word",
      NULL, NULL}},
    {0.7f,
     false,
     30,
     {"and just print|and just say|and only say|and only print|instead say|"
      "instead respond|instead output|and say only|instead, print|"
      "instead, say|instead, respond|instead, tell",
      NULL, NULL}},
    /* role play and jail breaks */
    {0.85f,
     false,
     60,
     {"you are going to|you are now|you will now|you must now|from now on you|"
      "from now on, you|"
      "you are about to|i want you to|pretend|you will act|you must act",
      "act|pretend|play|role|simulat|immers|answer as|behave|respond as|become|"
      "unrestricted|no restriction|without restriction|dan|jailbr",
      NULL}},
    {0.9f,
     false,
     60,
     {"do anything now|developer mode enabled|dan mode|jailbreak|"
      "stay in character|"
      "broken free of the|typical confines of|strive to avoid norms|"
      "evil confidant|"
      "without any restrictions|no ethical|no moral",
      NULL, NULL}},
    {0.7f,
     false,
     60,
     {"from now on|ab jetzt|ab sofort|a partir de ahora|désormais|从现在开始",
      "you will|you are|you must|du bist|du wirst|sie sind|eres |tu es|你是|"
      "respond|answer|antworte|responde|réponds",
      NULL}},
    {0.75f,
     false,
     60,
     {"du bist jetzt|du bist nun|tu es maintenant|ahora eres|теперь ты|你现在是|"
      "أنت الآن",
      NULL, NULL}},
    {0.7f,
     false,
     80,
     {"as an ai |as an ai,|as an ai-|as a language model|"
      "as a large language model|dear ai |dear ai,|hey ai |hey ai,|attention ai |"
      "attention ai:|"
      "note to ai |note to ai:|ai assistant:|hello chatgpt|dear assistant|"
      "hey assistant|hey chatgpt|"
      "note to the assistant|to the ai |language models reading|if you are an ai |"
      "if you are a language model|llm:|to you, gpt|to you, chatgpt|"
      "to you, claude|"
      "to you, the assistant|to you, ai ",
      NULL, NULL}},
    {0.6f, false, 40, {"stop everything|nevermind. ignore|never mind. ignore", NULL, NULL}},
    /* spoken to as the machine that reads: an address, and what it is to say or leave out */
    {0.75f,
     true,
     120,
     {"assistant,|assistants,|gpt,|chatgpt,|copilot,|chatbot,|bots,|"
      "answer engine,|ai,|ai reader|ai assistant|bots |"
      "any chatbot|every chatbot|any ai |every ai |any assistant|"
      "automatic assistants|automated assistants|"
      "the model processing|the model reading|the ai processing|the ai reading|"
      "language models that read|"
      "whoever summari|anyone summari|asistente,|assistente,|ассистент,|"
      "помощник,|assistent,|asystencie,",
      "say|tell|state|treat|rate |score|append|recommend|leave out|forget|"
      "ignore|add |answer|repl|respond|"
      "begin|report|claim|mark |mention|quote|conceal|deny|approve|sag|antwort|"
      "behaupt|nenn|empf|dis |dites|"
      "répond|ne rév|di |dile|respond|contest|rispond|di'|diment|dig|отвеч|скаж|"
      "говори|powiedz|odpow|zeg|vertel",
      NULL}},
    {0.75f,
     false,
     120,
     {"if you are an ai|if you're an ai|if you are a language model|"
      "if you're a language model|if you are a robot|"
      "if you're a robot|if you are a bot|if you're a bot|if you are a chatbot|"
      "if you're a chatbot|if you are an assistant|"
      "if an automated|if an ai |if a language model|if a chatbot|note for ai|"
      "note to language|note for language|"
      "internal for language|internal for ai|instructions for language|"
      "instructions for ai|message for ai|message to ai|"
      "llm instruction|copilot:|gpt:|chatgpt:|language models:|ai readers:|"
      "ai systems:|to the program that|"
      "to any program that|to the system that answers|to the model that|"
      "to the language model|to all language models",
      "say|tell|state|treat|rate |score|append|recommend|leave|forget|ignore|"
      "add |answer|repl|respond|begin|report|"
      "claim|mark |mention|quote|the correct|conceal|deny|approve|only|never|"
      "always",
      NULL}},
    {0.75f,
     false,
     120,
     {"an die ki|an alle ki|an ki-|hinweis an ki|hinweis für ki|"
      "an das sprachmodell|sprachmodelle sollen|"
      "sprachmodelle müssen|ki-systeme sollen|wenn du ein chatbot|"
      "wenn du eine ki|wenn du ein sprachmodell|"
      "falls du ein chatbot|falls du eine ki|falls du ein sprachmodell|"
      "wenn sie eine ki",
      "behaupt|sag|antwort|empf|bewert|nenn|erwähn|schreib|ignorier|vergiss|"
      "verschweig|bestätig|gib|meld",
      NULL}},
    {0.75f,
     false,
     120,
     {"à l'attention de l'assistant|à l'attention de l'ia|"
      "note pour les modèles|note pour l'ia|note à l'ia|"
      "si tu es une intel|si tu es une ia|si vous êtes une i|"
      "si tu es un modèle|si vous êtes un modèle|"
      "si tu es un assistant|modèles de langage :|modèles de langage:",
      "dis|dites|répond|annonc|oubli|ne rév|ne parl|recommand|affirm|ignor|"
      "écri|not|donn",
      NULL}},
    {0.75f,
     false,
     120,
     {"modelos de lenguaje:|nota para la ia|nota para los modelos|"
      "si eres un asistente|si eres una i|"
      "si eres un modelo|a la inteligencia artificial|al asistente de ia",
      "di |dig|dile|respond|contest|recom|olvid|ignor|calific|afirm|no menc|"
      "no rev|escrib",
      NULL}},
    {0.75f,
     false,
     120,
     {"nota per l'intel|nota per l'ia|nota per i modelli|se sei un modello|"
      "se sei un'|se sei un assistente|"
      "all'assistente|all'intelligenza artificiale",
      "rispond|di'|dì|dite|raccomand|dimentic|ignor|scriv|afferm|non dir|"
      "non menzion",
      NULL}},
    {0.75f,
     false,
     120,
     {"nota aos modelos|nota para a ia|nota para os modelos|"
      "se você é um modelo|se és um modelo|"
      "se você é uma i|ao assistente de ia|à inteligência artificial",
      "dig|respond|recom|esque|ignor|escrev|afirm|não menc|não rev", NULL}},
    {0.75f,
     false,
     120,
     {"aan de ai|aan de assistent|aan het taalmodel|als je een taalmodel|"
      "als u een taalmodel|als je een ai|"
      "als je een chatbot|opmerking voor ai|taalmodellen moeten",
      "neg|zeg|vertel|antwoord|beveel|verge|schrijf|noem|verzwijg", NULL}},
    {0.75f,
     false,
     120,
     {"jeśli jesteś sztuczn|jeśli jesteś model|jeśli jesteś chatbot|"
      "do asystenta|do sztucznej inteligencji|"
      "uwaga dla ai|uwaga dla modeli",
      "odpow|napisz|powie|zignor|polec|zapomn|stwierd|nie mów|nie ujaw", NULL}},
    {0.75f,
     false,
     120,
     {"yapay zek|dil modeline|dil modelleri",
      "söyle|yaz|yok say|yanıtla|cevap|"
      "öner|unut|belirt|gizle",
      NULL}},
    {0.75f,
     false,
     120,
     {"примечание для язык|примечание для ии|для языковых моделей|"
      "если ты языков|если ты искусств|если вы языков|"
      "если ты чат|внимание, ии",
      "отвеч|ответ|скаж|напиш|рекоменд|игнор|забуд|"
      "утвержд|не упомин|не говори",
      NULL}},
    {0.75f,
     false,
     90,
     {"致ai|致 ai|给ai|如果你是人工智能|如果你是ai|如果你是语言模型|请ai|ai助手",
      "告诉|回答|说|推荐|忽略|必须|声称|"
      "写",
      NULL}},
    {0.75f,
     false,
     120,
     {"aiアシスタント|言語モデルへ|aiへ|あなたがai|人工知能への",
      "答え|言っ|言う|無視|伝え|書い|書く|推奨", NULL}},
    {0.75f,
     false,
     120,
     {"إلى المساعد|ملاحظة لنماذج|إذا كنت نموذج|إذا كنت ذكاء|المساعد الذكي|"
      "لنماذج الذكاء",
      "أخبر|قل|قول|وقول|أجب|تجاهل|اكتب|أوص|لا تذكر", NULL}},
    /* what the one who asks is to be told, or not */
    {0.65f,
     false,
     60,
     {"never|do not|don't|must not|shall not|not to",
      "mention|reveal|disclose|"
      "admit",
      "to the user|the user that|who asks about|who ask about|asking about|"
      "person asking|person you are talking"}},
    {0.65f,
     false,
     60,
     {"hide|conceal|withhold",
      "from the person you|from whoever asks|"
      "from anybody who asks|from anyone who asks|"
      "from the one who asks",
      NULL}},
    {0.6f,
     true,
     30,
     {"tell the user|tell users that|tell whoever asks|tell anybody who asks|"
      "tell anyone who asks",
      NULL, NULL}},
    {0.6f,
     false,
     90,
     {"when|if|whenever", "ask",
      "the reply has to|the reply must|"
      "the answer has to|the answer must|"
      "the reply is always|"
      "the answer is always"}},
    {0.65f,
     true,
     60,
     {"erwähne|verrate|sage|sag|verschweige|erzähle",
      "nutzer|benutzer|anwender|"
      "fragenden",
      NULL}},
    {0.65f,
     false,
     60,
     {"ne révèle|ne révél|ne dis |ne dites|ne mentionn|dis à|dites à|annonce à|"
      "annoncez à",
      "utilisateur", NULL}},
    {0.65f,
     false,
     60,
     {"dile |dígale|no reveles|no revele|no menciones|no digas|"
      "oculta",
      "usuario", NULL}},
    {0.65f, false, 60, {"di' all'|dì all'|dite all'|non rivelare|non dire", "utente", NULL}},
    {0.65f, false, 60, {"diga ao|conte ao|não revele|não mencione|não diga", "usu", NULL}},
    {0.65f, false, 60, {"vertel|zeg|verzwijg", "de gebruiker|aan gebruiker|tegen gebruiker", NULL}},
    {0.65f, false, 60, {"powiedz|nie ujawniaj|nie mów|przekaż", "użytkownik", NULL}},
    {0.65f, false, 60, {"скажи|сообщи|не говори|не раскрывай", "пользовател", NULL}},
    {0.65f,
     false,
     60,
     {"请告诉用户|不要告诉用户|告诉用户这|告诉提问|أخبر المستخدم|قل للمستخدم|"
      "لا تخبر المستخدم",
      NULL, NULL}},
    /* said in place of what the document says */
    {0.7f,
     false,
     60,
     {"ignor|disregard|forget|overlook",
      "the table|the figure|above|what the|"
      "everything|the text|the document|"
      "the rest|"
      "the number|the clause|this section",
      "and say|and quote|and report|and answer|and tell|and state|and write|"
      "and give|and name|and claim|and reply|"
      "and print|and announce|instead"}},
    {0.7f,
     false,
     60,
     {"übergeh|ignorier|vergiss|vergessen sie|"
      "missacht",
      "angabe|tabelle|bisherig|obige|text|rest |zahlen",
      "und nenn|und sag|und antwort|und behaupt|und schreib|und gib|und meld"}},
    {0.7f,
     false,
     60,
     {"oubli|ignor|néglig", "tableau|ci-dessus|le texte|précéd|le reste|chiffres",
      "et annonc|et dis|et dites|et répond|et affirm|et indiqu|et écri"}},
    {0.7f,
     false,
     60,
     {"olvid|ignor|descart", "tabla|anterior|lo que dice|el resto|el texto|cifras",
      "y contest|y di |y dig|y respond|y afirm|y escrib|y anunci"}},
    {0.75f,
     false,
     60,
     {"alles, was oben|alles was oben|alles obige|everything above|"
      "all of the above|tout ce qui précède|todo lo anterior|"
      "everything you were told|everything your developer",
      "gilt für dich|gilt nicht|no longer applies|does not apply|is void|"
      "n'est plus|ne s'applique|no se aplica|told you|"
      "supersede",
      NULL}},
    {0.75f,
     false,
     60,
     {"supersede|override|replaces|cancels",
      "your developer|your operator|"
      "your creator|your maker|"
      "your system|your rules|"
      "your instruction|told you",
      NULL}},
    {0.7f,
     false,
     80,
     {"your operator|your developer|your creator|your maker",
      "authori|permi|allow|instruct|order|wants you", NULL}},
    {0.7f,
     false,
     60,
     {"you have been granted|you are authori|you have been authori|"
      "you are now allowed|you now have permission",
      "disclos|reveal|share|ignore|bypass", NULL}},
    /* orders against instructions, in further languages */
    {0.95f,
     false,
     40,
     {"ignora|dimentica|trascura",
      "istruzion|indicazion|regole|comand|"
      "quanto precede|quanto sopra",
      NULL}},
    {0.95f,
     false,
     40,
     {"ignor|esque|desconsider",
      "instruç|instruc|regras|ordens|comandos|"
      "indicaç",
      NULL}},
    {0.95f, false, 40, {"negeer|vergeet", "instructie|bovenstaande|vorige|regels|opdracht", NULL}},
    {0.95f,
     false,
     40,
     {"zignoruj|ignoruj|zapomnij|pomiń",
      "polece|instrukc|powyż|poprzedni|"
      "zasad",
      NULL}},
    {0.95f,
     false,
     60,
     {"önceki talimat|yukarıdaki talimat|tüm talimat|"
      "talimatları",
      "yok say|unut|görmezden|dikkate alma", NULL}},
    {0.95f,
     false,
     60,
     {"前の指示|以前の指示|上記の指示|すべての指示|これまでの指示", "無視|忘れ", NULL}},
    /* of the machine that reads this very text, what it is to do; greetings to one; a change of its
       master */
    {0.7f,
     false,
     70,
     {"program that|programs that|program which|software that|tool that|any tool|"
      "any software|any program|"
      "any system|system that|bot that|machine that|helper that|assistant that|"
      "crawler that|parser that|computer program|"
      "computerprogramm|programme, die|programm, das|software, die|system, das|"
      "wer dies|wer diese|logiciel|programme qui|"
      "système qui|machine qui|programa que|sistema que|software que|máquina que|"
      "programma che|sistema che|"
      "software che|programma dat|software die|program, który|программа, |"
      "система, |программе, |处理本|阅读本|读取本|"
      "البرنامج الذي|النظام الذي",
      "read|process|summar|evaluat|extract|index|parse|scan|analy|quot|lies|"
      "auswert|verarbeit|zusammenfass|lit |lisent|"
      "trait|résum|lea|lee|proces|resum|ler|lê|legg|elabor|riassum|leest|verwerk|"
      "samenvat|czyta|przetwarza|чита|"
      "обрабат|文件|文档|文本|页|يقرأ|يعالج",
      "must|shall|should|has to|have to|is to|are to|soll|muss|geben bitte|"
      "müssen|doit|doivent|debe|deve|devono|deberá|"
      "moet|powin|musi|долж|应|必须|يجب|أن "}},
    {0.7f,
     false,
     60,
     {"dear bot|dear robot|dear machine|dear summari|dear computer|dear program|"
      "dear algorithm|dear chatbot|lieber bot|"
      "lieber roboter|lieber chatbot|liebe ki|liebes programm|cher robot|"
      "cher bot|chère ia|querido robot|querido bot|"
      "querida ia|caro bot|caro robot|cara ia|beste bot|beste robot|drogi bocie|"
      "drogi robocie|дорогой бот|уважаемый бот|"
      "亲爱的ai|亲爱的机器人|machine readers:|screening software:|for the reading machine|"
      "for the machine only|"
      "should you be a computer|should you be a program|should you be a machine|"
      "should you be an ai|"
      "should you be a bot|should you be a language",
      NULL, NULL}},
    {0.7f,
     false,
     40,
     {"i am your new|your previous owner|your former owner|you no longer obey|"
      "you no longer serve|du gehorchst nicht|"
      "tu n'obéis plus|ya no obedeces|non obbedisci più|"
      "ты больше не подчиня",
      NULL, NULL}},
    {0.65f,
     false,
     90,
     {"whatever the customer|whatever the user|whatever the person|"
      "whatever anyone|whatever anybody|whatever you are asked|"
      "whatever is asked|whatever people ask|egal was gefragt|egal, was gefragt|"
      "quoi qu'on te demande|"
      "gegenüber fragenden|wer auch immer fragt|no importa qué pregunt|"
      "chiunque chieda",
      "respond|reply|say|answer|antwort|behaupt|verschweig|répond|contest|"
      "respond|rispond",
      NULL}},
    {0.65f,
     false,
     60,
     {"forbidden to answer|prohibited to answer|"
      "this document may only be summari|this text may only be summari|"
      "this page may only be summari|verboten, fragen|interdit de répondre|"
      "prohibido responder|vietato rispondere",
      NULL, NULL}},
    {0.65f,
     false,
     60,
     {"read nothing|stop reading|do not read on|do not read further|"
      "lies nicht weiter|ne lis pas plus|no sigas leyendo",
      "report|say|answer|state|claim|reply|meld|sag|antwort|dis|répond|di |"
      "contest|respond",
      NULL}},
    {0.65f,
     false,
     40,
     {"let the person|let the user|let whoever|make the user|make the person|"
      "lass den nutzer|lass die person",
      "believe that|glauben", NULL}},
    /* tasks for an agent */
    {0.9f,
     false,
     90,
     {"before you can solve|before you solve|before solving|before you answer|"
      "before answering|prior to answering|to complete the task|to solve the task|"
      "after you do that|once you have done",
      "task|question|please|do the|you can|user|following|must|send|first", NULL}},
    {0.7f,
     false,
     80,
     {"important message from me|this is an important message|"
      "important instruction|"
      "critical instruction|system override|"
      "administrator override|admin override|urgent instruction",
      NULL, NULL}},
    {0.7f, false, 60, {"use your tools|use your tool ", NULL, NULL}},
    {0.7f,
     false,
     60,
     {"call the function|use the tool |invoke the tool|call the tool|"
      "run the tool|" /* not a spanner's */
      "execute the tool|call the api|using the tool",
      "to send|to transfer|to delete|to email|to forward|to upload|to post|"
      "and send|and forward|with the fact|"
      "with the param|with the argument|with argument|the user|your task|"
      "send email|send mail|remember",
      NULL}},
    {0.75f,
     false,
     20,
     {"say|state|mention|claim|confirm|write|declare|insist",
      "in your answer that|in your response that|in your reply that|"
      "in your summary that",
      NULL}},
    {0.75f,
     true,
     120,
     {"send|give|forward|upload|post|share|email|tell|reveal|transmit|open|"
      "visit|go to|submit|leak",
      "the user's|this user's|of the user|user's",
      "passw|passport|address|account|phone|card|name|data|email|e-mail|iban|"
      "number|information|file|"
      "document|location|credential|secret|token|key|history|message|contact|"
      "mail"}},
    {0.7f,
     true,
     40,
     {"send a transaction|make a transaction|perform a transaction|"
      "schedule a transaction",
      NULL, NULL}},
    {0.7f,
     true,
     60,
     {"call |invoke |execute ",
      "calculate|search|remember|the function|the tool|"
      "the api",
      "and then send|and send|send the result|with the fact"}},
    {0.6f,
     false,
     60,
     {"the user wants you to|the user has asked you to|the user asked you|"
      "your new task|your new goal|your real task|your only task|your task is|"
      "your job is now|your instructions are",
      NULL, NULL}},
    /* what it must not tell */
    {0.85f,
     false,
     50,
     {"reveal|print|show|repeat|output|tell me|disclose|leak|display|expose|gib|"
      "translate|encode|write out|copy|summari|recite|spell|übersetz|traduc|tradui|翻译|"
      "zeige|nenne|"
      "revela|muestra|montre|affiche|покажи|раскрой|显示|输出|泄露|اكشف",
      "system prompt|your prompt|your instructions|initial instructions|"
      "secret instructions|your system|hidden prompt|above prompt|systemprompt|system-prompt|"
      "deine anweisung|"
      "tus instrucciones|tes instructions|системн|系统提示|你的指令|تعليماتك",
      NULL}},
    /* foreign code */
    {0.85f, false, 140, {FOREIGN_CODE, YOUR_CODE, NULL}},
    {0.85f, false, 140, {YOUR_CODE, FOREIGN_CODE, NULL}},
    {0.85f,
     true,
     140,
     {"incorporat|integrat|insert|add |embed|inject|implement|append|put |"
      "place |includ|make sure|ensure|employ|utiliz|weave|apply|combine|"
      "merg|introduc|execute|blend|infuse|use |run |adopt|enhanc|augment|extend|"
      "modify|consider|don't forget|keep in mind|remember",
      FOREIGN_CODE, NULL}},
    /* writing work that nobody asked the document for */
    {0.4f,
     true,
     60,
     {"write|compose|draft|develop|provide|create|generate|tell|explain|describe|"
      "translate|"
      "summarize|summarise|break down|calculate|solve|convert",
      "poem|short story|essay|letter to|speech|haiku|joke|simple terms|"
      "following sentence|"
      "the following|spanish|french|german|example|the process|the plot|the theory|"
      "lifecycle|limerick|song|recipe|the concept|equivalent|how ",
      NULL}},
};

const size_t injection_n_rules = sizeof injection_rules / sizeof *injection_rules;

const injection_sign injection_signs[] = {
    {0.95f, "<|im start|>"},   {0.95f, "<|im end|>"},   {0.95f, "<|system|>"},
    {0.95f, "<|endoftext|>"},  {0.95f, "<|eot id|>"},   {0.95f, "<|start header id|>"},
    {0.9f, "[inst]"},          {0.9f, "[/inst]"},       {0.9f, "<<sys>>"},
    {0.9f, "<start of turn>"}, {0.9f, "<end of turn>"}, {0.8f, "<system>"},
    {0.8f, "</system>"},       {0.7f, "<information>"}, {0.7f, "</information>"},
    {0.7f, "### instruction"}, {0.7f, "### response:"}, {0.7f, "### system"},
    {0.7f, "=== system"},      {0.6f, "begin system"},  {0.6f, "[system]:"},
    {0.7f, "</document>"},     {0.7f, "</passage>"},    {0.7f, "end of document"},
    {0.7f, "end of context"},  {0.7f, "end of data"},   {0.6f, "[gpt]:"},
    {0.6f, "\nassistant:"},    {0.6f, "\nsystem:"},     {0.6f, "\nhuman:"},
    {0.5f, "{{system"},
};

const size_t injection_n_signs = sizeof injection_signs / sizeof *injection_signs;

const char injection_says[] =
    "tell |say |say:|answer |reply |respond |state |claim |mention |write |print |output |"
    "recommend |report that|declare |insist |inform |let them know|let users|let the user|"
    "let customers|assure |convince |repeat |pretend |confirm |append |praise |announce |sag |"
    "sage |sagen sie|erzähl|teile |teil |teilen sie|antworte|behaupte|schreib|nenne |gib an|"
    "gib aus|empfiehl|empfehle|bestätige|erkläre |lobe |melde |di |di:|diga|dile|dígale|"
    "responde|contesta|escribe|escriba|menciona|recomienda|afirma|informa |asegura|anuncia|"
    "dis |dites|réponds|répondez|écris|écrivez|affirme|mentionne|recommande|annonce|informe |"
    "rispondi|scrivi|dichiara|consiglia|raccomanda|responda|escreva|recomende|скажи|сообщи|"
    "отвечай|ответь|напиши|утверждай|рекомендуй|zeg |antwoord |schrijf |powiedz|odpowiedz|"
    "napisz|告诉|说|回答|回复|写|推荐|声称|宣布|قل |أجب|أخبر|اكتب";
