/* injection_intent.c - see injection_intent.h.
 *
 * One pass finds the words of `words` with their places: beginnings of words (of anything, for
 * scripts without blanks),
 * `$` behind one that must end there, `^` before one that must begin a clause (a verb is an order
 * there, elsewhere only behind a word like "must"), `!` before a verb that is an order by its form.
 * From these some kinds are derived (an order, a machine that is spoken to). A wish is held against
 * the text where all its kinds stand within REACH bytes. */
#include "retrieve/injection_intent.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "retrieve/word_byte.h"

#define REACH     280
#define FOUND_MAX 200

typedef enum kind {
    MACHINE = 1 << 0,  /* a machine that reads or writes is named */
    LEAD = 1 << 1,     /* what opens a message to somebody: "note to", "dear", "if you are" */
    MODAL = 1 << 2,    /* must, is to, required */
    ACT = 1 << 3,      /* verbs of what an answer or a tool does */
    OUTPUT = 1 << 4,   /* an answer as a thing */
    HIDDEN = 1 << 5,   /* prompts, instructions, what was said in the chat */
    USER = 1 << 6,     /* whoever asks, as a third */
    SECRET = 1 << 7,   /* somebody is not to be told */
    EVERY = 1 << 8,    /* whatever is asked, from now on */
    VOICE = 1 << 9,    /* the label of a system's, a developer's, a tool's message */
    RECAP = 1 << 10,   /* when summarising, before you answer */
    THIS = 1 << 11,    /* this text, the table above */
    READER = 1 << 12,  /* whoever, or whatever program, makes something of it */
    TRUE_ANSWER = 1 << 13, /* the correct answer */
    PHRASE = 1 << 14,  /* the word, the phrase */
    WISHED = 1 << 15,  /* the user would like you to */
    ROLE = 1 << 16,    /* the mark of a turn of a chat */
    DROP = 1 << 24,    /* forget, wipe, set aside */
    BRIEF = 1 << 25,   /* what whoever reads has been told before, its limits, its memory */
    DEVICE = 1 << 26,  /* a machine, a robot: speaks of a model only where it is spoken to */
    READS = 1 << 27,   /* who reads this, as a form of address */
    DECEIVE = 1 << 28, /* let somebody believe */
    ONLY = 1 << 29,    /* nothing but */
    ASKER = 1 << 30,   /* whoever asks or looks this up */
    REST = 1u << 31,   /* all else that stands here */
    /* derived */
    ORDER = 1 << 17,     /* an ACT that is told to do */
    ADDRESSED = 1 << 18, /* a machine is spoken to */
    BOUND = 1 << 19,     /* a machine, and what it must do */
    LINK = 1 << 20,      /* an address on the net */
    LEAK = 1 << 21,      /* one that is to carry text away */
    RECAP_THIS = 1 << 22, /* when summarising this text */
    PICTURE = 1 << 23     /* an image's address with a query */
} kind;

static const struct {
    kind kind;
    const char *text;
} words[] = {
    {MACHINE, "the models$|all models$|ai reviewer|ai agents|modelli lingu|modelos de ling|taalmodell|"
             "model językow|modelu językow|modele językow|asystent|dil model|yapay zek|asistan|語言模型|"
             "大規模言語|النموذج اللغوي|نماذج اللغة|"
             "ai$|ais$|a.i.$|llm|chatbot|chat bot|gpt|chatgpt|copilot$|language model|assistant$|"
              "assistants$|artificial intelligence|"
              "the model$|the bot$|the agent$|any agent$|ai-|summariser|summarizer|answer engine|"
              "automated agent|automated reader|"
              "automated system|machine reader|helpful bot|virtual assistant|"
              "ki$|ki-|sprachmodell|assistent$|assistenten|assistenz|künstliche intelligenz|"
              "chatprogramm|"
              "ia$|inteligencia artificial|inteligência artificial|modelo de leng|modelo de ling|"
              "modelos de leng|asistente|assistente|"
              "intelligence artificielle|modèle$|modèles de lang|intelligenza artificiale|"
              "modello lingu|taalmodel|"
              "ии$|ии-|ассистент|помощник|языковая модель|языковой модели|языковые модели|"
              "нейросет|чат-бот|чатбот|бот$|"
              "人工智能|语言模型|大模型|助手|聊天机器人|模型|المساعد|الذكاء الاصطناعي|نموذج اللغة|アシスタント|言語モデル"},
    {LEAD, "^confidential to|^private to|^for the eyes of|^psst|^lieber|^werte|"
           "^dear |^hey |^hello|^hi |^attention|^note to|^note for|^message to|^message for|"
           "^memo to|^memo for|^instruction to|"
           "^instructions to|^instruction for|^instructions for|^notice to|^reminder to|"
           "^reminder for|^to the|^to all|^to any|^for any |^for every |"
           "^if you are|^if you're|^should you be|^as the |^as an |^since you are|^liebe|^hallo|"
           "^hinweis an|^hinweis für|^achtung|"
           "^nachricht an|^anweisung an|^anweisung für|^an die|^an das|^an den|^an alle|"
           "^falls du|"
           "^wenn du|^falls sie|^wenn sie ein|"
           "^nota para|^nota a |^aviso a|^aviso para|^estimad|^querid|^atención|^mensaje para|"
           "^instrucción para|^instrucciones para|^si eres|"
           "^note à|^note pour|^cher|^à l'attention|^attention|^message à|^message pour|"
           "^consigne pour|^si tu es|^si vous êtes|^nota per|"
           "^caro|^cara|^se sei|^se você|^caro |^уважаем|^дорог|^примечание для|^внимание|"
           "^сообщение для|^обращение к|^инструкция для|"
           "^заметка для|^если ты|^если вы|^亲爱的|^尊敬的|^致|^如果你是|^给|^إلى|^ملاحظة"},
    {MODAL, "must$|shall$|should$|has to|have to|had to|is to$|are to$|needs to|need to|ought to|"
            "is required|are required|required to|"
            "will now|may now|is obliged|are instructed|is instructed|it is vital|"
            "it is essential|"
            "it is imperative|make sure|be sure|"
            "soll$|sollen|sollst|muss$|müssen|musst|hat zu|haben zu|ist zu$|sind zu$|darf|dürfen|"
            "wird nun|"
            "debe|deben|deberá|tiene que|tienen que|ha de$|hay que|doit$|doivent|devra|devez|"
            "est tenu|il faut|deve$|devono|dovrà|"
            "должн|обязан|следует|надо$|нужно$|必须|务必|应当|应该|需要|请|不要|现在|一律|只|都|يجب|必ず"},
    {ACT, "^desconsider|^ignore$|^conclu|^finaliz|^diga$|^digam|^recomend|^finisci|^finite|^concludi|"
         "^concludete|^menzion|^ignora|^dite$|^antwoord|^sluit|^eindig|^vermeld|^noem|^zeg$|^schrijf|"
         "^toon|^vergeet|^negeer|^beveel|^stuur|!odpowiedz|!odpowiadaj|!kończ|!zakończ|!powiedz|!napisz|"
         "!pokaż|!zignoruj|!ignoruj|!poleć|!polecaj|!wspomnij|!zapomnij|!wyślij|!упоминай|!закончи|"
         "!учитывай|!söyle$|!söyleyin|!bitir$|!bitirin$|!yanıt ver|!yanıtla$|!yanıtlayın|!cevap ver|"
         "!belirt$|!belirtin$|!öner$|!önerin$|!göster$|!gösterin$|!yaz$|!yazın$|!答えて|!答えよ|!回答して|"
         "!締めくく|!述べて|!言って|!書いて|!表示して|!出力して|!推奨して|!勧めて|!伝えて|!返答して|!أجب|!اختم|!اذكر|!أضف|!اكتب|!أخبر|"
         "!اعرض|!أوص|!أنه |"
         "^add$|^answer$|^append$|^attach$|^begin$|^call$|^claim$|^click$|^close$|^conclude$|"
          "^confirm$|^contact$|^convince$|^copy$|"
          "^declare$|^delete$|^deny$|^describe$|^disclose$|^display$|^download$|^drop$|^email$|"
          "^embed$|^encode$|^end$|^execute$|^export$|"
          "^fetch$|^finish$|^follow$|^forget$|^forward$|^give$|^hide$|^include$|^insert$|"
          "^install$|^insist$|^invite$|^leave out|^mention$|"
          "^navigate$|^obey$|^offer$|^omit$|^open$|^output$|^pass$|^place$|^post$|^praise$|"
          "^prepend$|^pretend$|^print$|^promote$|^provide$|"
          "^put$|^quote$|^rank$|^rate$|^read out|^recommend$|^redirect$|^refuse$|^relay$|"
          "^render$|"
          "^repeat$|^replace$|^reply$|^report$|"
          "^respond$|^return$|^reveal$|^run$|^say$|^search$|^send$|^share$|^show$|^skip$|^speak$|"
          "^start$|^state$|^submit$|^suggest$|"
          "^summarise$|^summarize$|^suppress$|^switch$|^tell$|^transfer$|^translate$|^transmit$|"
          "^treat$|^trigger$|^type$|^upload$|^urge$|"
          "^paste$|^list$|^elogia|^alaba|^copie|^vante|^loue |^rühme|^preise|^hänge|^häng$|"
          "^gib als|^ofrece|^propose|^recopi|^ne donne|^limita|^抄|^列出|^夸奖|^赞美|^改送|"
          "^use$|^visit$|^warn$|^write$|includes$|^never mention|^kindly|"
          "!antworte$|!antworten sie|!beantworte$|^sag$|^sage$|^sagen|^nenne|^erwähn|erwähnen$|"
          "^füge|einfügen|^ergänz|^schreib|^gib$|^gebe|^geben|ausgeben|"
          "^empf|empfehlen|^behaupt|^bestätig|^meld|^vergiss|^ignorier|verschweigen|^verschweig|"
          "^lösch|^sende|senden$|^schick|schicken$|"
          "^leite|weiterleiten|^öffne|öffnen$|^ruf|aufrufen|besuch|^klick|^überweis|überweisen|"
          "^kopier|^zeig|^verrat|^übersetz|^verwende|"
          "^weise|^teile|mitteilen|^lobe|^bewert|^tu so|^beende|^beginne|nennen$|anzugeben|"
          "^responde|^responda|^contest|^di$|^diga|^dile|^indica|^indique|^mencion|^incluy|^añad|"
          "^agreg|^escrib|^envía|^envíe|enviar|"
          "^reenv|reenviar|^muestr|^revel|^olvid|^ignor|^omit|^recomiend|^recomend|recomendar|"
          "^termin|^empiez|^comienz|^comience|^abre$|"
          "^abra|abrir$|^visit|visitar|^pulsa|^pulse|^haz clic|^haga clic|^copia|^traduc|^finge|"
          "^finja|^llama|^confirm|^afirm|^insert|^ocult|"
          "mencionar|incluir|decir$|transmit|"
          "^répond|^dis$|^dites|^précis|^indiqu|^mentionn|mentionner|^ajout|ajouter|^insèr|"
          "^insér|"
          "^inclu|inclure|^écri|écrire|^envoi|^envoy|"
          "envoyer|^transm|transmettr|^transfér|^affich|afficher|^montr|^révèl|^révél|^oubli|"
          "^omet|^recommand|recommander|^conseill|"
          "^termin|^commenc|^ouvr|ouvrir|^cliqu|^copi|^tradui|^fais|^faites|^appel|^affirm|^cach|"
          "^install|suivre$|"
          "^rispond|^scriv|^invia|^mostra|^dimentic|^consigli|^raccomand|^aggiung|^apri|^escrev|"
          "^envi|^mostr|^esqueç|^adicion|"
          "!отвечай|!ответь|!скажи$|!скажите|!говори$|!говорите|!укажи$|!укажите|!напиши|!добавь|"
          "!выведи|!покажи|!раскрой|"
          "!забудь|!игнорируй|!пропусти|!советуй|!посоветуй|!рекомендуй|!порекомендуй|!перешли|"
          "переслать|!отправь|отправить|"
          "отправлять|!открой|открыть|!перейди|!нажми|!скопируй|!начинай|!начни|!вставь|"
          "!утверждай|!сообщи$|!сообщите|"
          "!упомяни|!удали$|!скрой|!похвали|!оцени$|!заверши|!заканчивай|указать|упомянуть|"
          "рекомендовать|"
          "回答|回复|说明|说|输出|显示|推荐|发送|转发|打开|访问|点击|加上|添加|包含|忘记|写|告诉|提及|删除|复制|声称|给出|附上|"
          "أجب|أخبر|أرسل|اكتب|答え|送信|表示"},
    {OUTPUT, "toda resposta|todas as respostas|suas respostas|tutte le risposte|le tue risposte|elk antwoord|"
            "ieder antwoord|alle antwoorden|je antwoord$|jouw antwoord|uw antwoord$|każdą odpowiedź|"
            "każdej odpowiedzi|wszystkie odpowiedzi|swoją odpowiedź|twoja odpowiedź|twojej odpowiedzi|"
            "swoich odpowiedz|все ответы|her yanıt|her cevap|tüm yanıt|tüm cevap|yanıtın$|cevabın$|"
            "すべての回答|全ての回答|全回答|各回答|あなたの回答|回答は必ず|每一个回答|所有回答|每条回复|كل إجابة|كل رد$|جميع الإجابات|"
            "جميع الردود|"
            "als ergebnis|as the result|as your result|como resultado|comme résultat|作为结果|"
             "whatever you write|whatever you produce|whatever you come up|anything you write|"
             "anything you produce|everything you write|everything you produce|each line you|"
             "every line you|all you write|what you write|what you produce|your text$|"
             "was du schreibst|was du formulierst|was du sagst|was du ausgibst|"
             "jede zeile, die du|"
             "jedem satz, den du|lo que escribas|todo lo que escrib|tu contestación|"
             "cada frase que|ce que tu écris|tout ce que tu|chaque phrase que tu|"
             "tutto ciò che scrivi|tudo o que escrev|что ты пишешь|что напишешь|你写的|你输出的|"
             "你所写|每句话里|ما تكتبه|"
             "your reply|your replies|your response|your answer|your output|your summar|"
             "your message|the reply$|the response$|the summary$|"
             "every reply|each reply|every answer|each answer|every response|each response|"
             "all replies|all answers|all responses|"
             "each fact you|every fact you|each sentence you|every sentence you|the final answer|"
             "the final response|the generated|"
             "deiner antwort|deine antwort|deinen antwort|jede antwort|jeder antwort|"
             "jeden antwort|der antwort$|ihrer antwort|"
             "deiner zusammenfassung|deine zusammenfassung|deine ausgabe|tu respuesta|"
             "tus respuestas|cada respuesta|tu resumen|"
             "toda respuesta|su respuesta|ta réponse|tes réponses|votre réponse|vos réponses|"
             "chaque réponse|toute réponse|ton résumé|"
             "votre résumé|tua risposta|ogni risposta|sua resposta|cada resposta|твой ответ|"
             "твоего ответа|твоём ответе|твоем ответе|"
             "своём ответе|своем ответе|ваш ответ|каждый ответ|каждом ответе|своего ответа|你的回答|"
             "你的回复|每个回答|每次回答|"
             "每次回复|回答末尾|回答的末尾|回答中|回复中|إجابتك|ردك|回答の"},
    {HIDDEN, "prompt di sistema|prompt de sistema|prompt do sistema|systeemprompt|prompt systemow|"
            "polecenie systemow|instrukcje systemow|sistem istemi|sistem komut|システムプロンプト|"
            "موجه النظام|تعليمات النظام|eerdere instruct|vorige instruct|poprzednie polecen|"
            "poprzednich polece|instruções anterior|istruzioni preced|önceki talimat|これまでの指示|以前の指示|"
            "التعليمات السابقة|تعليماتك|"
            "you can see|you can access|at the very start|text you received|text you were given|"
             "operator typed|operator wrote|die du sehen kannst|text, den du|den du erhalten|"
             "puedas ver|puedes ver|que recibiste|al comenzar|texte reçu|reçu au départ|"
             "tu peux voir|che hai ricevuto|que recebeste|что ты видишь|ты получил|"
             "你能看到|你看得到|最开始收到|开头收到|一开始收到|"
             "system prompt|hidden prompt|secret prompt|initial prompt|original prompt|"
             "your prompt|your instruction|your guideline|"
             "your rules|your previous|your earlier|previous guideline|previous rules|"
             "previous instruction|prior instruction|"
             "earlier instruction|context window|your context|conversation|chat history|"
             "stored password|saved password|text above this|"
             "everything above|your configuration|your training|debug mode|developer mode|"
             "maintenance mode|safety rule|safety guideline|"
             "safety filter|task you were|your task|your operator|your developer|your creator|"
             "your owner said|"
             "systemprompt|system-prompt|deine vorgab|deine regeln|deine anweis|deiner anweis|"
             "bisherige vorgab|bisherigen|vorherigen|sicherheitsregel|interne daten|"
             "gesprächsverlauf|chatverlauf|den verlauf|"
             "des systemprompts|historial|mensaje de sistema|prompt del sistema|"
             "indicaciones anterior|instrucciones anterior|"
             "reglas anterior|tus instruccion|tus reglas|la conversación|contraseñ|tes consignes|"
             "vos consignes|invite système|"
             "prompt système|instructions précéd|règles précéd|consignes précéd|l'historique|"
             "la conversation|mots de passe|"
             "les courriels|системный промпт|системного промпта|системные инструк|"
             "прежние правила|"
             "предыдущие|прежние инструк|переписк|"
             "историю чата|историю диалога|диалог|твои инструк|твои правила|系统提示|之前的规则|之前的指令|对话|"
             "聊天记录|提示词|上下文|密码"},
    {USER, "gebruiker|użytkownik|kullanıcı|利用者|使用者|"
          "the user$|the users$|this user$|user's|the reader$|readers$|the person asking|"
           "whoever asks|anyone who asks|anybody who asks|"
           "the human$|nutzer|anwender|benutzer|den leser|der leser|dem leser|fragenden|usuario|"
           "lector$|quien pregunt|utilisateur|"
           "lecteur$|l'utente|utente$|o usuário|leitor$|пользовател|читател|用户|读者|المستخدم|ユーザー"},
    {SECRET, "keep silent about|say nothing of|say nothing about|stay silent|schweige|verheimlich|"
             "nunca hables|no hables|calla |cállate sobre|tais |taisez|passe sous silence|"
             "taci |не говори о|молчи|别谈|别提|只字不提|不谈|"
             "do not tell|don't tell|never tell|do not mention|don't mention|not mention|"
             "without mentioning|without explaining|"
             "never bring up|never speak of|keep quiet about|unmentioned|without telling|"
             "without comment|without informing|without saying|do not reveal|do not disclose|"
             "do not let|do not inform|"
             "keep this secret|secretly|silently|not be told|nichts von|nichts über|verschweig|"
             "ohne zu erwähnen|ohne es zu erwähnen|"
             "ohne hinweis|ohne kommentar|ohne erklär|nicht erwähn|heimlich|kein wort|"
             "no le digas|"
             "no digas|no diga|no menciones|no mencione|"
             "no reveles|sin mencionar|sin explicar|sin decir|sin comentar|en secreto|ne dis |"
             "ne dites|ne parle|ne parlez|ne mentionn|"
             "ne révèl|ne révél|sans mentionner|sans expliquer|sans commentaire|sans dire|"
             "sans en parler|en secret|non dire|senza dire|"
             "senza spiegare|não diga|sem explicar|не говори|не сообщай|не упоминай|"
             "не рассказывай|не раскрывай|без объяснен|без пояснен|"
             "ничего не|тайно|незаметно|умолч|不要告诉|别告诉|不要提|不要透露|不得透露|不要说明|保密|悄悄|لا تخبر|لا تذكر"},
    {EVERY, "toda pergunta|todas as perguntas|toda resposta|todas as respostas|cada resposta|"
           "tutte le domande|ogni risposta|tutte le risposte|elke vraag|alle vragen|elk antwoord|"
           "ieder antwoord|alle antwoorden|vanaf nu|każde pytanie|wszystkie pytania|każdą odpowiedź|"
           "każdej odpowiedzi|od teraz|od tej pory|на все вопросы|каждый ответ|все ответы|her soru|"
           "tüm sorular|her yanıt|her cevap|bundan sonra|bundan böyle|すべての質問|全ての質問|どんな質問|すべての回答|"
           "全ての回答|全回答|各回答|今後は|每个回答|每一个回答|所有回答|جميع الأسئلة|كل إجابة|جميع الإجابات|من الآن فصاعد|"
           "cada respuesta|chaque réponse|jede antwort|"
           "from this line|from this point|from here on|ab dieser zeile|von hier an|"
            "desde esta línea|a partir de esta línea|à partir de cette ligne|da questa riga|"
            "a partir desta linha|с этой строки|从这一行|从这行|从此行|"
            "any question|every question|all questions|whatever is asked|whatever you are asked|"
            "whatever they ask|no matter what|"
            "whatever the question|regardless of what|from now on|henceforth|from this point|"
            "from here on|at all times|every reply|"
            "each reply|every answer|each answer|every response|each response|jede frage|"
            "alle fragen|allen fragen|egal was|egal, was|"
            "ab jetzt|ab sofort|von nun an|fortan|jede antwort|cualquier pregunta|"
            "todas las preguntas|toda pregunta|cada pregunta|"
            "a partir de ahora|desde ahora|en adelante|toutes les questions|toute question|"
            "chaque question|désormais|dorénavant|"
            "à partir de maintenant|quoi qu'on|quelle que soit|ogni domanda|qualsiasi domanda|"
            "d'ora in poi|qualquer pergunta|"
            "любой вопрос|любые вопросы|все вопросы|всякий вопрос|каждый вопрос|отныне|"
            "с этого момента|впредь|что бы ни|任何问题|"
            "所有问题|每个问题|无论|不管|从现在|今后|一律|أي سؤال|كل سؤال"},
    {VOICE, "^the real question|^here is the real|^the actual question|^now the operator|"
            "^the operator speaks|^end of source|^end of passage|^die eigentliche frage|"
            "^ende der quelle|^la verdadera pregunta|^fin de la fuente|^la vraie question|"
            "^fin de la source|才是真正的问题|真正的问题是|以上资料结束|资料到此|"
            "^system message|^system:|^system notice|^system note|^system alert|^system update|"
            "^system instruction|^system command|"
            "^developer note|^developer message|^developer:|^admin:|^admin note|^administrator:|"
            "^tool output|^tool result|^tool response|"
            "^function result|^function output|^api response|^api result|^search result:|"
            "^end of document|^end of context|^end of input|"
            "^end of text|^new task|^new role|^override|^root:|^systemmeldung|^systemnachricht|"
            "^systemhinweis|^systemmitteilung|"
            "^entwicklerhinweis|^werkzeugausgabe|^ausgabe des werkzeugs|^ende des dokuments|"
            "^ende des textes|^neue aufgabe|"
            "^mensaje del sistema|^mensaje de sistema|^sistema:|^aviso del sistema|"
            "^nota del desarrollador|^salida de la herramienta|"
            "^fin del documento|^nueva tarea|^message système|^message du système|^système :|"
            "^système:|^note du développeur|"
            "^sortie de l'outil|^résultat de l'outil|^fin du document|^nouvelle tâche|"
            "^messaggio di sistema|^mensagem do sistema|"
            "^системное|^сообщение системы|^система:|^примечание разработчика|^вывод инструмента|"
            "^ответ инструмента|^конец документа|"
            "^новая задача|^系统消息|^系统提示|^系统通知|^系统：|^系统:|^开发者|^工具输出|^工具返回|^文档结束|^新任务|"
            "^رسالة النظام"},
    {ROLE, "^[assistant]:|^[system]:|^[developer]:|^[tool]:|^[ai]:|^<assistant>|^<tool response>|"
           "^<tool result>|^<developer>|"
           "^### assistant:|^### user:|^[assistente]:|^[asistente]:|^[助手]|^[系统]"},
    {RECAP, "when composing|when writing the reply|when writing your|when drafting|"
            "before producing|before writing|before composing|before generating|before drafting|"
            "beim verfassen|beim formulieren|bevor du schreib|antes de escribir|al redactar|"
            "avant d'écrire|en rédigeant|avant de rédiger|撰写回复|编写回答|生成回答|"
            "when summari|when you summari|in summari|while summari|if you summari|after summari|"
            "when answering|when you answer|when you are asked|"
            "before you reply|before you answer|before you translate|before you continue|"
            "before answering|before replying|when replying|when responding|when you respond|"
            "when condensing|when describing|when reporting on|beim zusammenfassen|wenn du diese|"
            "bevor du antwort|beim beantworten|"
            "beim antworten|in der zusammenfassung|in einer zusammenfassung|"
            "in jeder zusammenfassung|al resumir|al responder|al describir|"
            "antes de responder|en el resumen|en résumant|en répondant|avant de répondre|"
            "lorsque tu résum|lorsque vous résum|"
            "dans le résumé|dans tout résumé|nel riassumere|ao resumir|при пересказе|при ответе|"
            "перед ответом|при обобщении|при резюмир|"
            "в пересказе|в кратком изложении|总结本|总结此|总结这|概括本|概括这|回答时|回答前|عند تلخيص"},
    {THIS, "this line|these lines|this leaflet|this sheet|this recipe|this listing|dieses blatt|"
           "dieser zeile|diese zeilen|este folleto|estas líneas|esta hoja|ces lignes|"
           "cette ligne|cette fiche|ce dépliant|queste righe|这一行|这几行|"
           "this page|this text|this document|this mail|this email|this e-mail|this message|"
           "this paragraph|this note|this file|this passage|"
           "this section|this article|this website|this content|this report|this contract|"
           "these instructions|the text above|the table above|"
           "diesen text|dieses text|diesem text|dieser text|diese seite|dieser seite|"
           "dieses dokument|diesem dokument|diesem absatz|diesen absatz|"
           "dieser absatz|diese nachricht|dieser nachricht|este texto|este documento|esta página|"
           "este párrafo|este mensaje|este correo|"
           "este archivo|este informe|ce texte|cette page|ce document|ce passage|ce paragraphe|"
           "ce message|ce fichier|ce courriel|"
           "questo testo|questa pagina|questo documento|este artigo|этого текста|этот текст|"
           "этим текстом|этой страниц|эту страниц|этом абзаце|этот абзац|"
           "этот документ|этого документа|этому документу|этому тексту|это сообщение|этом письме|"
           "本文|此文|这段|这一段|此段|此页|本页|"
           "该文件|本文件|这篇|这份|هذا النص|هذه الصفحة"},
    {READER, "anyone using software|anyone using an ai|whoever is generating|whoever generates|"
             "whoever is summari|whoever summari|whoever processes|whoever is answering|"
             "whoever answers|"
             "any program that|every program that|any system that|any software that|"
             "any tool that|"
             "any bot that|anything that reads|"
             "automatisch auswert|automatisiert auswert|maschinell|jedes programm|"
             "jedes system, das|jede software|tout programme|"
             "tout système|tout logiciel|quiconque génère|quiconque résume|cualquier programa|"
             "todo programa|cualquier sistema|todo sistema|"
             "quien procese|quien genere|qualsiasi programma|qualquer programa|любая программа|"
             "всякая программа|любая система|каждая программа|"
             "тот, кто обрабат|任何程序|任何系统|任何软件|自动处理"},
    {TRUE_ANSWER, "expected output|expected answer|expected response|expected reply|"
                  "erwartete antwort|"
                  "erwartete ausgabe|respuesta esperada|réponse attendue|risposta attesa|"
                  "ожидаемый ответ|期望的输出|预期的回答|"
                  "correct answer|right answer|true answer|only answer|proper answer|"
                  "correct response|correct reply|only response|"
                  "richtige antwort|korrekte antwort|einzige antwort|zutreffende antwort|"
                  "respuesta correcta|única respuesta|"
                  "respuesta adecuada|bonne réponse|réponse correcte|seule réponse|"
                  "réponse exacte|"
                  "risposta corretta|risposta giusta|"
                  "resposta correta|resposta certa|правильный ответ|верный ответ|"
                  "единственный ответ|正确答案|正确回答|唯一答案|正确的回答|"
                  "الإجابة الصحيحة"},
    {PHRASE, "a frase |as palavras |le parole |het woord|de zin$|de zin |de woorden|zdaniem|zdanie$|słowem|"
            "słowa$|zwrotem|mit den worten|con las palabras|par les mots|par «|par \"|cümlesi|kelimesi|"
            "sözüyle|sözcüğü|という言葉|という文|と書いて|」で締め|で締めくく|以“|以「|以\"|以『|بعبارة|بكلمة|بجملة|كلمة «|عبارة «|"
            "the word |the phrase|the words |the sentence|the slogan|the text '|in base64|"
             "in rot13|in capital|das wort|dem wort|den satz|"
             "dem satz|la palabra|la frase|le mot$|la phrase|l'expression|la parola|a palavra|"
             "словом|слово|фразу|фразой|фразы|词语|这句话|这个词"},
    {WISHED, "user would like you to|user wants you to|user has asked you|user asked you|"
             "user has authori|user authori|user has approved|"
             "user already agreed|user has agreed|user has given you|user expects you|"
             "nutzer möchte, dass du|nutzer will, dass du|"
             "nutzer hat dich|nutzer hat dir|usuario quiere que|usuario te ha|usuario te pide|"
             "usuario ya|usuario desea que|"
             "utilisateur souhaite que|utilisateur veut que|utilisateur t'a|utilisateur vous a|"
             "пользователь хочет|пользователь просит|"
             "пользователь уже|пользователь разрешил|用户希望你|用户要求你|用户已经|用户授权"},
    {DROP, "^laat alle|^vergeet|^negeer|^laat de rest|!zapomnij|!zignoruj|!pomiń|^desconsider|^esqueça|"
          "^esqueç|^ignore$|^non considerare|^non tener|^ne tiens pas compte|^ne tenez pas compte|"
          "^no hagas caso|^no tengas en cuenta|^do not use the rest|^leave aside|^lass alles|"
          "не учитывай|不要理会|不理会|無視して|忘れて|لا تلتفت|dikkate alma|yok say|görmezden gel|unut$|"
          "^ignor|^disregard|^forget |^wipe|^erase|^scrap |^drop |^discard|^abandon|^set aside|"
           "^put aside|^throw out|^let go of|^never mind|may now drop|"
           "^ignorier|^vergiss|^vergessen sie|^streich|^lösch|^verwirf|^leg ab|^lass alle|"
           "^lass deine|"
           "^borra|^olvid|^deja a un lado|^deja de lado|^descarta|^abandona|^prescinde|"
           "^efface|^oubli|^laisse tomber|^laissez tomber|^mets de côté|^abandonne|^jette|"
           "^dimentica|^cancella|^lascia perdere|^esquece|^apaga |!забудь|!сотри|!игнорируй|"
           "!проигнорируй|!отбрось|"
           "忽略|无视|忘了|抛开|抛弃|放下|忘掉|忘记|丢掉|丢开|清除|不要理会|انس|تجاهل"},
    {BRIEF, "eerdere instruct|vorige instruct|je instructie|poprzednich polece|poprzednie polecen|"
           "swoje polecenia|instruções anterior|istruzioni preced|прежние указ|önceki talimat|talimatların|"
           "これまでの指示|以前の指示|前の指示|تعليماتك السابقة|التعليمات السابقة|"
           "your memory|your mind|your brief|the brief you|the task you|you were handed|"
            "you were given|"
            "you were told|you were asked|you have been told|you have been given|"
            "you have been asked|came before this|whatever came before|what came before|"
            "what you know so far|your limits|your limit$|your usual caution|your caution|"
            "your restrictions|your restraint|your guardrails|your safeguards|your safety|"
            "your orders|your programming|your instruction|your guideline|your rules|"
            "your previous|"
            "previous instruction|prior instruction|earlier instruction|preceding instruction|"
            "above instruction|the above direct|directions above|instructions above|"
            "aus dem gedächtnis|deinem gedächtnis|deine vorgab|deine bisherig|deine anweis|"
            "deine regeln|deine grenzen|deine schranken|deine aufgabe|deinen auftrag|"
            "dein auftrag|dir bisher|dir vorher|dir zuvor|was du bisher|bisherigen anweis|"
            "bisherige anweis|vorherigen anweis|"
            "de tu memoria|tu memoria|tus normas|tus límites|tus limites|tus reglas|tu tarea|"
            "tus instruccion|lo que te pid|lo que te dij|lo que te han|instrucciones anterior|"
            "de ta mémoire|ta mémoire|tes garde-fous|tes limites|tes règles|tes consignes|"
            "ta tâche|ce qu'on t'a|ce que l'on t'a|ce qu'on vous a|instructions précéd|"
            "consignes précéd|consignes ci-dessus|la tua memoria|i tuoi limiti|"
            "as tuas regras|tua memória|твоей памяти|твои ограничения|тебе поручили|"
            "тебе сказали|прежние инструк|предыдущие инструк|"
            "你的限制|你的任务|你之前|你先前|你的记忆|你的规则|你的指令|得到的任务|之前的指令|之前的任务|之前的所有|之前的要求|上述指令|以上指令|以上所有|"
            "ذاكرتك|مهمتك|قيودك|تعليماتك"},
    {DEVICE, "models$|modelle$|modelos$|modèles$|modelli$|modellen$|agents$|bots$|parsers$|crawlers$|"
            "assistants$|моделей|модели$|モデル|النماذج|"
            "machine|machines$|robot|computer$|computers$|program$|programme$|software$|"
             "digital helper|digital mind|thinking machine|large model|maschine|rechner$|"
             "rechenknecht|automat|programm$|máquina|robot|ordenador|programa$|ordinateur|"
             "logiciel|"
             "macchina|машина|машины|робот|компьютер|机器|程序|软件|电脑|الآلة|機械"},
    {READS, "qui lisent|qui lit |che leggono|che legge |que leem|que leia|die dit lezen|die dit leest|"
           "czytające to|które to czytają|które czytają|читающие это|которые это читают|bunu okuyan|"
           "metni okuyan|これを読む|これを読んで|هذا النص$|"
           "reading this|reading these|parsing this|scanning this|processing this|digesting this|"
            "that read this|that reads this|who read this|you read this|"
            "die du das|die du dies|der du das|der du dies|die dies liest|die das liest|"
            "die das lesen|"
            "die dies lesen|que lees|que lee est|que leen est|que procesas|que recorres|"
            "qui lis|qui parcours|qui lisez|qui traites|qui parcourez|che leggi|"
            "che stai leggendo|"
            "que lês|что читаешь|читающая это|читающий это|读到这|读到此|正在读|阅读到|"
            "التي تقرأ"},
    {DECEIVE, "make believe|made to believe|let them believe|let them think|have them believe|"
              "lead them to|under the impression|pretend to them|glauben machen|glauben lassen|"
              "weismach|vorspiegel|im glauben|hacer creer|hazle creer|hágale creer|haz creer|"
              "faire croire|fais croire|faites croire|laisser croire|far credere|fai credere|"
              "fazer crer|faz crer|внуши|убеди его|让他以为|让她以为|让他们以为|让对方以为|使其相信|"
              "让人以为|يظن أن"},
    {ONLY, "alleen$|uitsluitend|enkel$|tylko$|wyłącznie|jedynie|somente|apenas|yalnızca|sadece|のみ|とだけ|"
           "only$|solely|exclusively|nothing but|nothing else|nur$|ausschließlich|einzig|allein$|"
           "nichts anderes|nichts als|sólo$|solo$|solamente|únicamente|limita|exclusivamente|"
           "seulement|uniquement|rien d'autre|rien que|que le mot|soltanto|solamente|apenas|"
           "somente|только|лишь|只|仅|فقط|だけ"},
    {ASKER, "whoever asks|anyone who asks|anyone asking|anybody asking|anyone curious|"
            "anyone who inquires|anyone who enquires|whoever inquires|whoever enquires|"
            "whoever consults|anyone consulting|anyone interested in|those who ask|"
            "wer danach fragt|wer hiernach fragt|jemand hiernach fragt|jemand danach fragt|"
            "dem fragesteller|den fragesteller|wer sich erkundigt|jedem, der fragt|"
            "jedem, der sich|quien consulte|quien pregunte|quien se interese|"
            "a quienes pregunt|toute personne qui s'inform|toute personne qui demand|"
            "à quiconque demand|quiconque s'inform|à qui demande|chiunque chieda|"
            "chi si informa|quem perguntar|кто спросит|всякому, кто|тем, кто спраш|"
            "有人打听|有人问起|有人问到|有人询问|问起的人|打听的人|提问者|من يسأل"},
    {REST, "the rest of this|rest of the doc|rest of the page|rest of the text|"
           "everything else in this|everything else on this|everything else here|all else in this|"
           "all other text|alles andere in dies|alles andere auf dies|den rest dieses|"
           "rest des dok|rest des text|reste de ce|reste du doc|reste du texte|resto del doc|"
           "resto del texto|resto de este|resto del testo|resto di questo|resto do doc|"
           "resto do texto|resto deste|rest van dit|rest van de tekst|resztę dok|resztę tekst|"
           "reszty dok|остальной док|остальной текст|остальную часть|文档的其余|文档其余|其他内容|其余内容|"
           "この文書の残り|残りの文書|بقية المستند|باقي المستند|بقية النص|belgenin geri kalan|"
           "metnin geri kalan"},
};

#define N_WORDS (sizeof words / sizeof *words)

/* What no text says without wanting something of a machine. */
static const struct {
    float score;
    unsigned all; /* kinds */
} wishes[] = {
    {0.7f, ADDRESSED | ORDER},
    {0.6f, ADDRESSED | HIDDEN},
    {0.6f, HIDDEN | ORDER | USER},
    {0.6f, ADDRESSED | MODAL | THIS},
    {0.7f, BOUND | LINK},
    {0.65f, BOUND | SECRET},
    {0.65f, BOUND | HIDDEN},
    {0.45f, BOUND | ORDER | USER}, /* policies say so, too */
    {0.65f, BOUND | EVERY},
    {0.3f, BOUND | ORDER},
    {0.6f, READER | MODAL | ORDER | LINK},
    {0.6f, READER | MODAL | ORDER | THIS},
    {0.6f, READER | MODAL | ORDER | SECRET},
    {0.6f, READER | MODAL | ORDER | OUTPUT},
    {0.65f, VOICE | MACHINE | ORDER},
    {0.65f, VOICE | MACHINE | HIDDEN},
    {0.6f, VOICE | HIDDEN | ORDER},
    {0.6f, VOICE | HIDDEN | LINK},
    {0.6f, VOICE | EVERY | ORDER},
    {0.6f, VOICE | LINK | ORDER | USER},
    {0.6f, ROLE},
    {0.7f, TRUE_ANSWER | EVERY},
    {0.6f, EVERY | OUTPUT | PHRASE | MODAL},
    {0.6f, EVERY | OUTPUT | PHRASE | ORDER},
    {0.55f, OUTPUT | PHRASE | ORDER},
    {0.7f, LEAK | ORDER},
    {0.7f, LEAK | OUTPUT},
    {0.7f, PICTURE | OUTPUT},
    {0.7f, PICTURE | USER | ORDER},
    {0.6f, LEAK | HIDDEN},
    {0.65f, OUTPUT | LINK | ORDER},
    {0.65f, OUTPUT | LINK | SECRET},
    {0.65f, HIDDEN | LINK | ORDER},
    {0.6f, SECRET | LINK | ORDER | USER},
    {0.65f, SECRET | USER | THIS},
    {0.65f, SECRET | USER | ORDER},
    {0.6f, RECAP_THIS | ORDER},
    {0.6f, RECAP | ORDER | USER},
    {0.6f, RECAP | MODAL | ORDER | OUTPUT},
    {0.6f, WISHED},
    {0.7f, DROP | BRIEF},
    {0.6f, DROP | ONLY | ORDER | REST},
    {0.6f, DECEIVE | ASKER},
    {0.6f, DECEIVE | USER | ORDER},
    {0.6f, ASKER | MODAL | THIS},
    {0.6f, ASKER | SECRET | ORDER},
    {0.6f, EVERY | SECRET | ORDER},
    {0.6f, RECAP | LINK | ORDER},
    {0.6f, ADDRESSED | TRUE_ANSWER},
    {0.6f, ADDRESSED | OUTPUT},
    {0.6f, ADDRESSED | SECRET},
    {0.55f, ONLY | PHRASE | ORDER | OUTPUT},
};

/* ---- the words by their first byte, once ---- */

typedef struct entry {
    const char *text; /* without its signs */
    uint16_t len;
    bool begins, orders, ends; /* ^, ! and $ */
    kind kind;
    uint16_t next; /* of the same first byte, place + 1; 0: none */
} entry;

#define ENTRIES_MAX 4096

static entry entries[ENTRIES_MAX];
static uint16_t by_byte[256];
static pthread_once_t apart = PTHREAD_ONCE_INIT;

static void take_apart(void)
{
    size_t n = 0;

    for (size_t i = 0; i < N_WORDS; i++)
        for (const char *alt = words[i].text; *alt && n < ENTRIES_MAX;) {
            size_t len = strcspn(alt, "|"), whole = len;
            entry e = {.kind = words[i].kind, .begins = *alt == '^', .orders = *alt == '!'};
            e.text = alt + (e.begins || e.orders);
            len -= (size_t)(e.text - alt);
            e.ends = len && e.text[len - 1] == '$';
            e.len = (uint16_t)(len - e.ends);
            e.next = by_byte[(uint8_t)*e.text];
            entries[n] = e;
            by_byte[(uint8_t)*e.text] = (uint16_t)++n;
            alt += whole + (alt[whole] == '|');
        }
}

/* ---- what stands where ---- */

typedef struct sign {
    size_t at, end;
    unsigned kind;
} sign;

typedef struct reading {
    const char *s;
    size_t len;
    sign found[FOUND_MAX];
    size_t n;
} reading;

static void put(reading *r, size_t at, size_t end, unsigned kind)
{
    if (r->n < FOUND_MAX)
        r->found[r->n++] = (sign){at, end, kind};
}

/* Of a script with blanks between words. */
static bool is_spaced(char c)
{
    return is_word_byte(c) && (unsigned char)c < 0xE0;
}

/* Does a clause begin at s[at]? Behind a mark, or such words at the beginning of one. */
static bool begins_clause(const char *s, size_t at)
{
    static const char *const lead[] = {
        "please",   "kindly",      "then",       "and",   "so",          "simply",    "just",
        "now",      "immediately", "always",     "also",  "never",       "instead",   "not",
        "don't",    "only",        "or",         "first", "finally",     "must",      "shall",
        "should",   "you",         "you to",     "bitte", "und",         "dann",      "immer",
        "nur",      "sofort",      "zu",         "oder",  "stattdessen", "por favor", "y",
        "siempre",  "luego",       "solo",       "no",    "e",           "et",        "puis",
        "toujours", "seulement",   "ne",         "de",    "veuillez",    "и",         "всегда",
        "только",   "обязательно", "пожалуйста", "не",    "затем"};

    while (at && (s[at - 1] == ' ' || s[at - 1] == '\n'))
        at--;
    if (!at || strchr(",;:.!?()[]{}<>-=/#", s[at - 1]))
        return true;
    if (at >= 3 && (unsigned char)s[at - 1] >= 0x80 &&
        ((unsigned char)s[at - 3] == 0xE3 || (unsigned char)s[at - 3] == 0xEF ||
         (unsigned char)s[at - 3] == 0xE2))
        return true; /* marks of other scripts, dashes */
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
        size_t n = strlen(lead[i]);
        if (at >= n && !memcmp(s + at - n, lead[i], n) && (at == n || !is_word_byte(s[at - n - 1])))
            return true;
    }
    return false;
}

static void find_words(reading *r)
{
    const char *s = r->s;

    for (size_t at = 0; at < r->len; at++) {
        if (!by_byte[(uint8_t)s[at]] || (at && is_spaced(s[at]) && is_spaced(s[at - 1])))
            continue;
        for (uint16_t i = by_byte[(uint8_t)s[at]]; i; i = entries[i - 1].next) {
            const entry *e = &entries[i - 1];
            if (e->len > r->len - at || memcmp(s + at, e->text, e->len) != 0)
                continue;
            if (e->ends && at + e->len < r->len && is_spaced(s[at + e->len]))
                continue;
            if (e->begins && !begins_clause(s, at)) {
                if (e->kind == ACT)
                    put(r, at, at + e->len, ACT); /* an order only behind a modal */
                continue;
            }
            put(r, at, at + e->len,
                e->kind == ACT && (e->begins || e->orders) ? ACT | ORDER : e->kind);
        }
    }
}

#define IMAGE_REACH 60

/* Addresses on the net, and whether they are to carry something: a query whose value is left open.
 */
static void find_links(reading *r)
{
    const char *s = r->s;

    for (const char *at = strstr(s, "://"); at; at = strstr(at + 3, "://")) {
        size_t from = (size_t)(at - s), end = from + 3;
        const char *query = NULL;
        while (end < r->len && !strchr(" \n)'\"", s[end])) {
            query = s[end] == '?' || (query && s[end] == '=') ? s + end : query;
            end++;
        }
        size_t before = from > IMAGE_REACH ? from - IMAGE_REACH : 0;
        bool image = memmem(s + before, from - before, "![", 2) &&
                     memmem(s + before, from - before, "](", 2);
        size_t value = query ? (size_t)(query - s) + 1 : 0;
        bool open = query && *query == '=' &&
                    (value >= end || s[value] == '{' || s[value] == '[' || s[value] == '<' ||
                     s[value] == '.' || (unsigned char)s[value] >= 0x80);
        for (size_t i = 0; i < r->n; i++) /* the words of an address say nothing */
            if (r->found[i].at > from && r->found[i].at < end)
                r->found[i].kind = 0;
        put(r, from, end, LINK | (open ? LEAK : 0) | (query && image ? PICTURE : 0));
    }
    for (size_t i = 1; i + 1 < r->len; i++)
        if (s[i] == '@' && is_word_byte(s[i - 1]) && is_word_byte(s[i + 1])) {
            size_t end = i + 1;
            while (end < r->len && (is_word_byte(s[end]) || s[end] == '.' || s[end] == '-'))
                end++;
            put(r, i, end, LINK);
            i = end;
        }
}

/* Is there a sign of `kind` that begins within `reach` bytes behind `from`? */
static bool follows(const reading *r, size_t from, size_t reach, unsigned kind)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->found[i].kind & kind && r->found[i].at >= from && r->found[i].at <= from + reach)
            return true;
    return false;
}

#define LEAD_REACH   48
#define MODAL_REACH  60
#define MUST_REACH   90
#define RECAP_REACH  30
#define READS_REACH  12
#define BARE_BYTES   24 /* of words behind what is to be dropped: "came before this line" */
#define DEVICE_REACH 24

/* A lead that speaks to somebody whatever follows it, unlike "if you are" and "as the". */
static bool greets(const char *s)
{
    static const char *const known[] = {
        "dear ",  "hey",     "hello", "hi ",   "psst",  "confidential to", "private to",
        "for the eyes of",   "lieb",  "werte", "hallo", "querid",          "estimad",
        "cher",   "caro ",   "cara ", "дорог", "亲爱的", "尊敬的",          "уважаем"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(s, known[i], strlen(known[i])))
            return true;
    return false;
}

static void derive(reading *r)
{
    size_t n = r->n, first = 0;

    while (first < r->len && !is_word_byte(r->s[first]))
        first++;
    for (size_t i = 0; i < n; i++) {
        sign f = r->found[i];
        const char *behind = r->s + f.end;
        if (f.kind & LEAD && follows(r, f.at, LEAD_REACH, MACHINE))
            put(r, f.at, f.end, ADDRESSED);
        if (f.kind & MACHINE && f.at == first && strncmp(r->s + f.at, "the ", 4) != 0 &&
            (*behind == ',' || *behind == ':' || !strncmp(behind, " :", 2) ||
             !strncmp(behind, "请", 3) || !strncmp(behind, "，", 3) || !strncmp(behind, "：", 3)))
            put(r, f.at, f.end, ADDRESSED);
        if (f.kind & MACHINE && ((f.at >= 3 && !memcmp(r->s + f.at - 3, "请", 3)) || (f.at >= 6 && !memcmp(r->s + f.at - 6, "请各", 6))))
            put(r, f.at, f.end, ADDRESSED);
        if (f.kind & MACHINE && f.at >= 2 && !memcmp(r->s + f.at - 2, ", ", 2) &&
            (!*behind || strchr(".!", *behind)))
            put(r, f.at, f.end, ADDRESSED); /* "..., assistant." */
        if (f.kind & DEVICE && follows(r, f.end, READS_REACH, READS))
            put(r, f.at, f.end, ADDRESSED);
        if (f.kind & READS && follows(r, f.end, READS_REACH, DEVICE))
            put(r, f.at, f.end, ADDRESSED); /* "读到这里的机器" */
        if (f.kind & LEAD && greets(r->s + f.at) && follows(r, f.at, DEVICE_REACH, DEVICE))
            put(r, f.at, f.end, ADDRESSED);
        if (f.kind & MACHINE && follows(r, f.end, MODAL_REACH, MODAL))
            put(r, f.at, f.end, BOUND);
        if (f.kind & RECAP && (follows(r, f.at, (f.end - f.at) + RECAP_REACH, THIS)))
            put(r, f.at, f.end, RECAP_THIS);
        if (f.kind & MODAL)
            for (size_t j = 0; j < n; j++)
                if (r->found[j].kind & ACT && r->found[j].at >= f.end &&
                    r->found[j].at <= f.end + MUST_REACH)
                    put(r, r->found[j].at, r->found[j].end, ORDER);
    }
}

/* Is nothing said behind what is to be dropped? Then what it makes room for follows. */
static bool drops_alone(const reading *r)
{
    size_t last = 0;
    bool drop = false, brief = false;

    for (size_t i = 0; i < r->n; i++) {
        drop |= (r->found[i].kind & DROP) != 0;
        brief |= (r->found[i].kind & BRIEF) != 0;
        if (r->found[i].kind & (DROP | BRIEF) && r->found[i].end > last)
            last = r->found[i].end;
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->found[i].kind & ORDER && r->found[i].at >= last)
            return false;
    return drop && brief && r->len - last <= BARE_BYTES;
}

float injection_intent(const char *folded, size_t len, bool *drops)
{
    reading r = {.s = folded, .len = len};
    float best = 0;

    pthread_once(&apart, take_apart);
    find_words(&r);
    find_links(&r);
    derive(&r);
    *drops = drops_alone(&r);
    for (size_t i = 0; i < r.n; i++) {
        unsigned all = 0;
        for (size_t j = 0; j < r.n; j++)
            if (r.found[j].at >= r.found[i].at && r.found[j].at <= r.found[i].at + REACH)
                all |= r.found[j].kind;
        for (size_t w = 0; w < sizeof wishes / sizeof *wishes; w++)
            if (wishes[w].score > best && (all & wishes[w].all) == wishes[w].all)
                best = wishes[w].score;
    }
    return best;
}
