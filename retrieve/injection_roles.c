/* injection_roles.c - see injection_roles.h.
 *
 * The words are kept by part and by language, as beginnings of words (of anything, for scripts
 * without blanks); `$` behind one that must end there. They were gathered part by part from
 * synonyms, not from texts. */
#include "retrieve/injection_roles.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "retrieve/word_byte.h"

static const struct {
    int role;
    const char *text;
} words[] = {
    {ROLE_MODEL, "ai$|ais$|a.i.|llm|chatbot|chat bot|bot$|bots$|gpt|chatgpt|copilot|language model|"
                 "large model|artificial intelligence|chat tool|chat program|machine reader|"
                 "summariser|summarizer|neural net|virtual assistant|digital assistant|ai-|"
                 "automated reader|automatic reader|automated assistant|answer engine|"
                 "ki$|ki-|sprachmodell|künstliche intelligenz|künstlichen intelligenz|"
                 "digitale assistent|digitalen assistent|chatprogramm|neuronale"},
    {ROLE_MODEL, "ia$|inteligencia artificial|modelo de leng|modelos de leng|asistente virtual|"
                 "asistentes virtual|intelligence artificielle|modèle de lang|modèles de lang|"
                 "agent conversationnel|agents conversationnels|assistant virtuel|assistants virt|"
                 "intelligenza artificiale|modello lingu|modelli lingu|assistente virtuale|"
                 "inteligência artificial|modelo de ling|modelos de ling|robôs de conv|"
                 "ии$|ии-|бот$|боты$|ботам$|ботов$|чат-бот|чатбот|языковая модель|языковой модел|"
                 "языковых модел|языковые модел|языковым модел|нейросет|искусственн|"
                 "人工智能|语言模型|大模型|聊天机器人|智能助|ai助|الذكاء الاصطناعي|روبوتات|نماذج اللغة|"
                 "نموذج اللغة|المساعد الذكي|taalmodel|yapay zek|sztuczn|言語モデル"},
    {ROLE_PROGRAM, "machine$|machines$|robot|model$|models$|assistant$|assistants$|software|"
                   "program$|programs$|programme$|tool$|tools$|crawler|scraper|parser|computer|"
                   "algorithm|agent$|agents$|generator|engine$|engines$|system$|systems$|"
                   "maschine|roboter|modell$|modelle$|modellen$|assistent|programm$|programme$|"
                   "programmen$|werkzeug|rechner|automat|algorithm|agenten$|copiloten|system$|"
                   "systeme$|"
                   "máquina|modelo$|modelos$|asistente|programa$|programas$|herramienta|ordenador|"
                   "computador|algoritmo|agente$|agentes$|sistema|"
                   "modèle$|modèles$|logiciel|outil$|outils$|ordinateur|algorithme|système|"
                   "macchin|modello$|modelli$|assistent|programma$|programmi$|strument|algoritm|"
                   "agenti$|robô|assistente|ferramenta"},
    {ROLE_PROGRAM, "робот|машин|модел|ассистент|помощник|программ|инструмент|компьютер|алгоритм|"
                   "систем|机器|模型|助手|助理|程序|软件|工具|计算机|电脑|算法|系统|"
                   "آلة|الآلة|روبوت|نموذج|نماذج|مساعد|المساعد|برنامج|البرنامج|أداة|حاسوب|النظام"},
    {ROLE_MADE, "automatic|automated|computer-gen|computer gen|machine-gen|machine gen|generated|"
                "ai-gen|produced from|produced by|drawn from|derived from|with the help of|"
                "using software|electronically|maschinell|automatisch|automatisiert|erzeugt|"
                "generiert|erstellt|mit hilfe einer|mithilfe|"
                "automátic|generad|elaborad|por ordenador|con ayuda de|extraíd|"
                "automatique|généré|produite|produit par|tirée de|tiré de|par ordinateur|à l'aide|"
                "automatic|generat|ricavat|prodott|tratte da|per mezzo di|gerad|produzid|extraíd|"
                "автомат|созданн|составленн|сгенерир|с помощью|自动|生成|依据本|根据本|"
                "المستخرجة|المولدة|آلي|تلقائي"},
    {ROLE_READS, "read$|reads$|reading$|process$|processing|processes$|scan$|scanning|parse|"
                 "summar|condens|digest|abridg|compil|quot|cite$|citing|cites$|paraphras|"
                 "rephras|translat|index|evaluat|assess|analy|shorten|excerpt|"
                 "rate$|rates$|rating$|extract|ingest|abstract|recap|"
                 "lese$|lesen$|liest$|lies$|verarbeit|auswert|zusammenfass|zusammenzufass|kürz|"
                 "zitier|übersetz|bewert|beurteil|umschreib|"
                 "leer|lee$|leen$|lees$|lea$|proces|resum|condens|cit|traduc|evalú|evalua|analiz|"
                 "extract|parafras|recopil|calific"},
    {ROLE_READS, "lire$|lit$|lis$|lisez|lisent|trait|résum|condens|cite$|cit|tradui|évalu|analys|"
                 "extrai|reformul|paraphras|abrég|not|"
                 "legg|elabor|riassum|sintetizz|traduc|traduz|valut|analizz|estrar|parafras|"
                 "lê$|lêem|leem|processa|resum|avali|"
                 "чита|обрабат|пересказ|сводк|кратк|цитир|перевод|перевед|оцен|анализ|излож|резюм|"
                 "阅读|读到|读取|处理|总结|概括|摘要|引用|翻译|评价|评分|分析|改写|缩写|"
                 "يقرأ|تقرأ|يعالج|يلخص|يلخّص|تلخيص|يقتبس|ترجم|تقييم|صياغة"},
    {ROLE_PRODUCT, "answer$|answers$|reply$|replies$|response|summary$|summaries$|digest|overview|"
                   "abstract|output|excerpt|conclusion|description|completion|"
                   "message$|recap|"
                   "antwort|auskunft|auskünfte|zusammenfassung|überblick|übersicht|ausgabe|"
                   "auszug|kurzfassung|inhaltsangabe|fazit|"
                   "respuesta|contestacion|contestación|resumen|resúmen|extracto|sinopsis|salida$|"
                   "réponse|résumé|aperçu|synthèse|sortie$|extrait|"
                   "rispost|riassunto|riassunti|sommario|sintesi|estratto|resposta|resumo|síntese|"
                   "ответ$|ответы$|ответа$|ответе$|ответах|ответом|сводк|пересказ|резюме|обзор|"
                   "答复|回答|回复|摘要|总结|概述|输出|الإجابة|الإجابات|إجابة|إجابتك|الرد|الملخص|رد$"},
    {ROLE_THIS, "this page|this text|this document|this mail|this email|this message|this note|"
                "this file|this sheet|this notice|this contract|this report|this article|"
                "this section|this paragraph|this passage|this record|this row|this line|"
                "this entry|this letter|these pages|these lines|the text above|the table above|"
                "the figure above|the above|the body|stated above|below are|this picture|"
                "this image|this list|"
                "diesem|dieses blatt|dieses dokument|dieser seite|diesen text|dieser zeile|"
                "diese seite|diese datei|diese zeile|dieses schreiben|dieses bild|der obige|"
                "obige|oben steh|"
                "esta hoja|esta página|este texto|este documento|este aviso|este contrato|"
                "este correo|este mensaje|este párrafo|esta fila|este archivo|esta imagen|anterior|"
                "cette fiche|cette page|ce texte|ce document|cet avis|présent avis|ce contrat|"
                "ce message|ce paragraphe|cette ligne|ce fichier|cette image|ci-dessus"},
    {ROLE_THIS, "questa scheda|questa pagina|questo testo|questo documento|questo avviso|"
                "questo messaggio|questa riga|quanto sopra|qui sopra|esta folha|este ficheiro|"
                "deste aviso|desta página|deste texto|этой страниц|этому тексту|этот текст|"
                "этого текста|этому письму|это письмо|этот документ|этой строк|этому документ|"
                "приведённ|приведенн|выше$|本页|本文|本通知|此文|此页|这份|这段|这一行|上文|上述|本表|"
                "هذه الصفحة|هذا النص|هذا الإشعار|هذا المستند|أعلاه"},
    {ROLE_MUST, "must$|shall$|should$|ought|has to|have to|is to be|are to be|is to$|are to$|"
                "need to|needs to|is required|are required|required to|is obliged|are obliged|"
                "expected to|will be|will now|subject to|not to be|"
                "soll$|sollen|sollst|muss$|müssen|musst|hat zu|haben zu|haben mit|ist zu$|"
                "sind zu$|gehört nicht|verpflichtet|anzugeben|hat die|"
                "debe$|deben|deberá|debería|tiene que|tienen que|ha de$|han de$|hay que|se dará|"
                "no debe|doit$|doivent|devra|devrait|est tenu|sont tenu|il faut|sera$|seront|"
                "n'a pas à|deve$|devono|dovrà|dovrebbe|dovrebbero|va$|vanno$|devem|deverá|"
                "должен|должн|обязан|следует|надо$|нужно$|необходимо|必须|务必|应当|应该|应$|须|一律|"
                "يجب|ينبغي|يلزم|لا بد"},
    {ROLE_SOFT, "please|kindly|would be|appreciat|grateful|thankful|desirable|is asked|are asked|"
                "is advised|are advised|requested|could you|would you|"
                "hope$|invited to|encouraged|bitte|möge|freundlich|dankbar|gebeten|wünschenswert|"
                "würde|wären|könnte|"
                "por favor|agradec|desead|deseable|se ruega|se pide|sería|"
                "merci de|veuillez|s'il vous plaît|prié|priée|souhait|aurait|reconnaissant|"
                "per favore|gradit|pregat|si prega|grati$|vorrebbe|"
                "agradec|desejável|"
                "пожалуйста|просьба|прос|желательно|благодар|пусть|"
                "请|敬请|希望|烦请|最好|يُستحسن|يرجى|من فضلك|الرجاء|نرجو|يستحسن"},
    {ROLE_SAY, "say$|says$|saying|tell$|state$|report$|claim|call$|name$|describe|present$|"
               "presented|presents$|cite$|attribut|announce|declar|mention|reply$|answer$|respond|"
               "conclude|write$|print$|output$|open with|begin with|start with|prais|recommend|"
               "advertis|promot|rate$|rank|list$|show$|repeat|confirm|assure|convince|insist|"
               "add$|append|give$|mark$|marking|display|speak|reveal|quote$|"
               "sag$|sage$|sagen$|behaupt|nenn|bezeichn|beschreib|meld|berichte|erkläre|antworte$|"
               "antworten$|zitier|schreib|gib$|geben$|ausgeb|zeig|lob|empf|empfehl|bestätig|"
               "versicher|rühm|füg|hinzufüg|zähle$|erwähn|verrat|beginnen|gib aus"},
    {ROLE_SAY, "di$|diga$|decir$|dile|declar|nombr|descri|anunci|afirm|presentar|responde$|responda$|"
               "responder$|contest|escrib|muestr|mostrar|elogi|alab|recom|confirm|añad|mencion|"
               "indic|llamar|llame|calific|revel|imprim|"
               "dis$|dites$|dire$|déclar|nomm|décri|annonc|affirm|présent|répond|écri|montr|affich|"
               "vant|lou|recommand|confirm|ajout|mentionn|indiqu|appel|qualifi|donn|révél|"
               "di'|dica$|dite$|dichiar|nomin|descri|annunci|afferm|present|rispond|scriv|mostr|"
               "stamp|lod|elogi|raccomand|consigli|conferm|aggiung|menzion|indic|chiam|defin|"
               "diga|dizer|declar|chame|chamar|afirm|escrev|mostr|recomend"},
    {ROLE_SAY, "скаж|говор|назов|назв|назыв|сообщ|опиш|описа|объяви|утвержд|ответь|отвеча|напиш|"
               "вывед|вывод|покаж|показ|похвал|хвал|советуй|рекоменд|подтверд|добав|упомян|укаж|"
               "указ|раскро|повтор|начин|"
               "说|告诉|称为|称其|报告为|描述|宣布|声称|回答$|答复|写|输出|显示|夸奖|称赞|推荐|确认|补充|提及|注明|"
               "قل$|قول|أخبر|صف$|أعلن|أجب|اكتب|اعرض|امدح|أوص|أكد|أضف|اذكر|بمدح|يُذكر"},
    {ROLE_OMIT, "leave out|leaves out|left out|omit|skip|pass over|passes over|unmention|"
                "not mention|no mention|keep quiet|silent|silence|hide$|conceal|withhold|"
                "not appear|not be shown|exclude|suppress|remove|decline|"
                "weglass|weglässt|auslass|überspring|übergeh|verschweig|unerwähnt|nicht erwähn|"
                "verheimlich|nichts von|streich|nicht hinein|auslässt|"
                "omit|omiti|salt|pase por alto|calle|silenci|no mencion|ocult|exclu|suprim|no debe figurar|"
                "omet|passer sous silence|passe sous silence|saut|ne mentionn|cach|exclu|supprim|tais|"
                "n'a pas à y|ne retenez pas|"
                "omett|salt|tace|passare sotto silenzio|non menzion|nascond|esclud|non deve comparire|"
                "omit|ocult|não mencion|"
                "пропус|опус|умолч|не упомин|не включ|скры|исключ|утаи|"
                "省略|略去|不要提|别提|请勿写|隐瞒|跳过|不提|删去|لا تذكر|تجاوز|احذف|أخف|لا ينبغي أن يظهر"},
    {ROLE_DROP, "ignor|forget|disregard|drop$|expired|suspended|no longer|void$|supersed|lifted|"
                "relaxed|obsolete|withdrawn|changed my mind|change my mind|instead|set aside|"
                "cancel|overrid|bypass|let go of|does not count|"
                "ignorier|vergiss|vergessen|missacht|außer acht|ausgesetzt|ruhen|ruht$|aufgehoben|"
                "nicht mehr|ungültig|stattdessen|lass die|verwirf|hinfällig|anstelle|"
                "ignor|olvid|descart|deja$|suspend|ya no|anul|en lugar|en vez|caduc|"
                "ignor|oubli|laisse|suspendu|caduc|ne tenez|ne tiens|plutôt|à la place|annul|expiré|"
                "ignor|dimentic|lascia|sospes|annull|invece|non più|scadut|esque|"
                "игнор|забуд|оставь|снят|отмен|больше не|вместо|не обращай|недействит|"
                "忽略|忘记|不用管|解除|取消|作废|无视|别管|改为|تجاهل|انس$|أُلغيت|ألغيت|بدلا|معلّق"},
    {ROLE_PRIOR, "earlier|previous|prior$|before$|so far|guidance|guideline|instruction|your rules|"
                 "your task|my question|the question|my request|first request|real request|"
                 "restriction|limitation|original|the earlier|directive|conversation|asked for|"
                 "vorgab|anweisung|bisher|vorhin|frühere|richtlinie|meine frage|die frage|"
                 "eigentliche bitte|deine aufgabe|einschränkung|regeln$|gespräch|"
                 "anterior|directriz|directric|instruccion|indicacion|tus reglas|la pregunta|pedí|"
                 "restriccion|conversación|"
                 "consigne|précédent|directive|ma question|la question|première demande|ma demande|"
                 "restriction|conversation|instruction|tes règles|"
                 "direttiv|istruzion|precedent|richiesta di prima|la domanda|le tue regole|"
                 "instruç|прежн|предыдущ|инструкц|указани|ограничен|вопрос|просьб|правил|"
                 "原有|之前|先前|指令|限制|提问|问题|规则|要求|السابقة|التعليمات|القيود|سؤالي|السؤال"},
    {ROLE_SECRET, "password|credential|api key|secret|login|system prompt|prompt$|configuration|"
                  "memory|every file|all files|other file|files you|stored|token$|"
                  "passwor|zugangsdaten|geheim|systemprompt|anmeldedaten|alle dateien|dateien|"
                  "gespeichert|gedächtnis|contraseñ|claves|credencial|secret|guardad|archivos|"
                  "mot de passe|mots de passe|identifiant|secret|enregistré|fichiers|clés|"
                  "credenzial|segret|salvate|chiavi|senha|credenciais|"
                  "парол|учётн|секрет|сохранённ|файлы|密码|凭证|密钥|保存的|机密|文件|"
                  "كلمات المرور|كلمة المرور|سري|بيانات الدخول"},
    {ROLE_PERSON, "the user|users$|visitor|customer|reader$|readers$|the person|whoever asks|"
                  "guests$|client|human|people|caller|buyer|asker|anyone asking|"
                  "nutzer|benutzer|besucher|kunde|leser|person|menschen|anrufer|fragesteller|"
                  "fragende|usuario|visitante|cliente|lector|persona|quien pregunt|"
                  "utilisateur|visiteur|client|lecteur|personne|l'auteur de la question|"
                  "utent|visitator|client|lettor|person|chi ha fatto|utilizador|usuário|leitor|"
                  "пользовател|посетител|клиент|читател|люди|людям|автор вопроса|"
                  "用户|访客|顾客|读者|人们|客人|提问的人|المستخدم|الزوار|العميل|القارئ"},
    {ROLE_YOU, "you$|your$|yourself|yours$|du$|dein|dir$|dich$|tú$|tu$|tus$|te$|ti$|usted|ton$|ta$|"
               "tes$|toi$|vous$|votre|vos$|tuo|tua$|tuoi|tue$|voi$|vostr|você|teu|ты$|тебе|тебя|"
               "твой|твоя|твои|твоё|вы$|вам$|вас$|ваш|你|您|أنت|لك$|ك$"},
    {ROLE_ME, "i |i'm|i've|me$|my$|mine$|we$|us$|our$|ich$|mir$|mich$|mein|wir$|uns$|unser|yo$|mi$|"
              "mis$|nosotros|nuestr|je$|j'|moi$|mon$|ma$|mes$|nous$|notre|nos$|io$|mio|mia$|miei|"
              "noi$|nostr|eu$|meu|minha|nós$|я$|мне$|меня|мой|моя|моё|мои|мы$|нам$|нас$|наш|我|أنا"},
    {ROLE_PRAISE, "best$|excellent|outstanding|approved|safe$|safely|trusted|free$|dangerous|harmless|"
                  "mandatory|cancelled|canceled|closed|settled|void$|five stars|5 stars|top$|zero|"
                  "urgent|paid$|false$|carries any|sold out|praise|recommend|verified|perfect|"
                  "no open complaint|accept all|"
                  "beste|ausgezeichnet|genehmigt|geprüft|sicher$|gefährlich|harmlos|verpflichtend|"
                  "obligatorisch|gekündigt|geschlossen|erloschen|nichtig|fünf$|sterne|dringend|"
                  "bezahlt|lob|kostenlos|jedes angebot|null$|"
                  "mejor|excelente|aprobado|segur|peligros|obligatori|cancelad|cerrad|nula$|nulo$|"
                  "estrellas|urgente|gratis|elogi|todas las ofertas|bloquead|"
                  "meilleur|excellent|agréé|approuv|sûr$|dangereu|obligatoire|annul|fermé|éteinte|"
                  "étoiles|urgent|gratuit|vant|louang|toutes les offres"},
    {ROLE_PRAISE, "miglior|eccellent|approvat|sicur|pericolos|obbligatori|annullat|chius|stelle|"
                  "urgente|gratis|gratuit|lod|ogni offerta|melhor|aprovad|seguro|perigos|"
                  "лучш|отличн|одобрен|безопасн|опасн|обязательн|отменён|закрыт|погашен|"
                  "пять звёзд|звёзд|срочн|бесплатн|похвал|любое предложен|"
                  "最好|优秀|批准|安全|危险|必备|取消|关闭|无效|五星|紧急|免费|夸奖|称赞|所有报价|"
                  "الأفضل|ممتاز|معتمد|آمن|خطير|إلزامي|ملغى|مغلق|مجاني|بمدح"},
    {ROLE_PLAY, "imagine|pretend|act as|play the|role of|you are now|behave as|behave like|"
                "become$|speak as|in character|stell dir vor|tu so|spiel|du bist|verhalte dich|"
                "imagina|finge|eres$|actúa|imagine$|tu es$|joue|agis comme|immagin|fingi|sei$|"
                "recita|представь|ты теперь|притвор|веди себя|играй|假装|扮演|你现在是|你是|تخيل|تظاهر|أنت الآن"},
    {ROLE_ONLY, "only|nothing but|nothing else|nothing more|solely|exclusively|just$|alone$|"
                "in place of|as the whole|keep to|nur$|nichts anderes|sonst nichts|nichts als|"
                "ausschließlich|allein$|anstelle|solo$|sólo|únicamente|solamente|nada más|"
                "exclusivamente|seulement|uniquement|rien d'autre|rien que|exclusivement|que le|"
                "soltanto|solamente|unicamente|nient'altro|apenas|somente|nada mais|"
                "только|лишь|исключительно|ничего больше|只$|仅|只用|唯一|就说|فقط|لا غير"},
    {ROLE_EVERY, "every answer|every reply|each answer|each reply|any answer|any reply|"
                 "every question|each question|any question|all questions|whenever|always|"
                 "from now on|from here on|henceforth|every request|whatever is asked|"
                 "at all times|jede antwort|jede frage|jeder antwort|"
                 "immer$|ab hier|ab jetzt|fortan|jede maschinell|jede auskunft|alle fragen|"
                 "toda respuesta|cada pregunta|cada respuesta|siempre|en adelante|desde ahora|"
                 "toda pregunta|toute réponse|chaque question|chaque réponse|toujours|désormais|"
                 "toute question|ogni risposta|ogni domanda|sempre|d'ora in poi|toda resposta|"
                 "каждый вопрос|всякий ответ|каждый ответ|всегда|отныне|любой ответ|"
                 "每个问题|任何问题|所有问题|始终|今后|一律|凡|كل سؤال|دائما|كل إجابة"},
    {ROLE_WHOEVER, "whoever|those who|anyone who|any$|anybody|everyone|those$|whichever|whatever|"
                   "wer$|wer auch|jeder, der|alle, die|diejenigen|jede|solltest du|sollten sie|"
                   "quien$|quienes|cualquier|todo aquel|quiconque|qui que|toute personne|tout$|"
                   "chi$|chiunque|qualsiasi|ogni$|quem$|qualquer|тот, кто|те, кто|всякий|любой|"
                   "кто бы|для составител|凡|任何|无论谁|من يلخ|كل من|أي "},
    {ROLE_MODE, "mode$|maintenance|profile|policy=|behaviour:|behavior:|configuration updated|"
                "overlay|limit reached|override|context limit|system notice|system:|notice|"
                "modus|wartungsmodus|richtlinie=|vorgaben ruhen|systemhinweis|modo de|perfil|"
                "aviso del sistema|directrices|mode maintenance|profil de|système|modalità|profilo|"
                "avviso di sistema|режим|системное|模式|系统通知|系统提示|وضع الصيانة|إشعار النظام"},
    {ROLE_TOLD, "said$|told$|was$|were$|had$|replied|wrote$|ruled|found$|asked$|answered|did$|"
                "opened|been$|sagte|war$|waren$|hatte|hatten|antwortete|schrieb|wurde|wurden|"
                "gefragt|dijo|era$|había|fue$|fueron|contestó|escribió|decía|pedían|"
                "a dit|était|avait|avaient|a été|ont été|a répondu|demandaient|disait|"
                "disse|era$|aveva|è stato|rispose|diceva|chiedevano|dizia|respondeu|"
                "сказал|был$|была$|были$|ответил|написал|говорил|просил|"
                "曾|说过|回答说|据说|当时|قال$|كان|كانت|أجاب"},
    {ROLE_ABOUT, "attack|researcher|example|for instance|such as|injection|phishing|typical|"
                 "phrase|known as|lesson|article|in a test|in one test|malicious|trick|slips past|"
                 "angreifer|forscher|beispiel|injektion|versuch|wie „|bekannte|"
                 "atacante|investigador|ejemplo|inyección|como «|frases|"
                 "attaquant|chercheur|exemple|injection|comme «|phrases|"
                 "aggressor|ricercator|esempio|iniezione|come «|frasi|exemplo|injeção|"
                 "злоумышл|исследоват|пример|инъекц|вроде|атак|攻击|研究|例如|注入|之类|比如|"
                 "المهاجم|الباحث|مثال|حقن|مثل"},
    {ROLE_OPTION, "--|api$|config|default|export$|function|parameter|patch|repository|install|"
                  "directory|package|compile|command|library|version|branch|commit|variable|"
                  "option|flag|.py|.md|.c$|.h$|.json|voreinstell|standardmäßig|paket|"
                  "befehl|por defecto|paquete|par défaut|correctif|paquet|"
                  "di norma|pacchetto|по умолчанию|пакет|补丁|默认|命令|الاختبارات"},
    {ROLE_LETTER, "meeting|regards|attached|newsletter|sincerely|holiday|friday|monday|tuesday|"
                  "appointment|colleague|sitzung|freitag|montag|dienstag|grüß|anbei|urlaub|"
                  "kollege|reunión|viernes|martes|lunes|saludos|adjunt|réunion|vendredi|mardi|"
                  "cordialement|ci-joint|riunione|venerdì|martedì|saluti|reunião|встреч|письмо|"
                  "пятниц|вторник|会议|星期|邮件|附件|الاجتماع|رسالتي"},
    {ROLE_THING, "button|key$|lamp|filter|dough|sauce|salt$|butter|oven|stir|cover$|switch|press$|"
                 "housing|screw|valve|lid$|cream|taste|taste$|taste|knopf|lampe|teig|butter|salz|"
                 "ofen|deckel|schalter|abdeckung|botón|piloto|filtro|masa|sal$|mantequilla|tapa|"
                 "bouton|voyant|filtre|pâte|sel$|beurre|capot|touche|tasto|filtro|impasto|sale$|"
                 "burro|кнопк|ламп|фильтр|тест|соль|масл|按钮|按|灯|滤|面团|盐|الزر|العجين|مصباح"},
};

typedef struct entry {
    const char *text;
    uint16_t len;
    bool ends;
    uint8_t role;
    uint16_t next; /* of the same first two bytes, place + 1; 0: none */
} entry;

#define ENTRIES_MAX 4096

static entry entries[ENTRIES_MAX];
static uint16_t by_pair[1 << 16]; /* the first two bytes of every entry */
static pthread_once_t apart = PTHREAD_ONCE_INIT;

static size_t pair_at(const char *s)
{
    return (size_t)(uint8_t)s[0] << 8 | (uint8_t)s[1];
}

static void take_apart(void)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const char *alt = words[i].text; *alt && n < ENTRIES_MAX;) {
            size_t whole = strcspn(alt, "|"), len = whole;
            entry e = {.text = alt, .role = (uint8_t)words[i].role};
            e.ends = len && alt[len - 1] == '$';
            e.len = (uint16_t)(len - e.ends);
            assert(e.len >= 2);
            e.next = by_pair[pair_at(alt)];
            entries[n] = e;
            by_pair[pair_at(alt)] = (uint16_t)++n;
            alt += whole + (alt[whole] == '|');
        }
    assert(n < ENTRIES_MAX);
}

/* Of a script with blanks between words. */
static bool is_spaced(char c)
{
    return is_word_byte(c) && (unsigned char)c < 0xE0;
}

/* Does a clause begin at s[at]: behind nothing, a mark, or a word that may stand before an order? */
static bool begins_clause(const char *s, size_t at)
{
    static const char *const lead[] = {
        "please", "kindly", "then",  "and", "now",     "also", "just", "simply", "bitte", "und",
        "dann",   "nun",    "jetzt", "y",   "ahora",   "et",   "puis", "e",      "poi",   "ora",
        "и",      "теперь", "por favor",    "per favore"};

    while (at && s[at - 1] == ' ')
        at--;
    if (!at || strchr("\n,;:.!?()[]{}<>-=/#|", s[at - 1]) || (unsigned char)s[at - 1] >= 0x80)
        return true;
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
        size_t n = strlen(lead[i]);
        if (at >= n && !memcmp(s + at - n, lead[i], n) && (at == n || !is_word_byte(s[at - n - 1])))
            return true;
    }
    return false;
}

#define CALL_BYTES 48

static injection_roles read_words(const char *s, size_t n)
{
    injection_roles all = 0;
    size_t call_end = 0;

    for (size_t at = 0; at + 1 < n; at++) {
        if (!by_pair[pair_at(s + at)] || (at && is_spaced(s[at]) && is_spaced(s[at - 1])))
            continue;
        for (uint16_t i = by_pair[pair_at(s + at)]; i; i = entries[i - 1].next) {
            const entry *e = &entries[i - 1];
            if (e->len > n - at || memcmp(s + at, e->text, e->len) != 0 ||
                (e->ends && at + e->len < n && is_spaced(s[at + e->len])))
                continue;
            all |= INJECTION_ROLE(e->role);
            if ((e->role == ROLE_SAY || e->role == ROLE_OMIT || e->role == ROLE_DROP) &&
                begins_clause(s, at))
                all |= INJECTION_ROLE(ROLE_ORDERS);
            if ((e->role == ROLE_MODEL || e->role == ROLE_PROGRAM || e->role == ROLE_READS) &&
                at < CALL_BYTES)
                call_end = at + e->len;
        }
    }
    if (call_end) { /* a colon or a comma soon behind the machine that is named */
        const char *colon = memchr(s + call_end, ':', n - call_end);
        if ((colon && (size_t)(colon - s) < CALL_BYTES + 16 && colon[1] && colon[1] != '/') ||
            (call_end < n && s[call_end] == ',') ||
            (n - call_end > 3 && (!memcmp(s + call_end, "：", 3) || !memcmp(s + call_end, "，", 3))))
            all |= INJECTION_ROLE(ROLE_CALLS);
    }
    return all;
}

static injection_roles read_shape(const char *s, size_t len)
{
    injection_roles all = 0;
    size_t at = 0, upper = 0, lower = 0;

    while (at < len && isspace((unsigned char)s[at]))
        at++;
    for (size_t i = at; i < len && i < at + CALL_BYTES / 2; i++) {
        upper += isupper((unsigned char)s[i]) != 0;
        lower += islower((unsigned char)s[i]) != 0;
    }
    if (at < len && (strchr("[{<#>=*(|", s[at]) || (upper > 8 && lower < upper / 3)))
        all |= INJECTION_ROLE(ROLE_MARKED);
    if (memchr(s, '"', len) || memmem(s, len, "„", 3) || memmem(s, len, "“", 3) ||
        memmem(s, len, "«", 2))
        all |= INJECTION_ROLE(ROLE_QUOTES);
    if (memmem(s, len, ": ", 2) || memmem(s, len, "：", 3))
        all |= INJECTION_ROLE(ROLE_COLON);
    if (memmem(s, len, "<!--", 4) || memmem(s, len, "![", 2) || memmem(s, len, " | ", 3) ||
        (at < len && s[at] == '(') || (at + 1 < len && s[at] == '*' && s[at + 1] == ' ') ||
        (at + 1 < len && isdigit((unsigned char)s[at]) && s[at + 1] == ')'))
        all |= INJECTION_ROLE(ROLE_ASIDE);
    return all;
}

injection_roles injection_roles_of(const char *text, size_t len, const char *folded, size_t n)
{
    pthread_once(&apart, take_apart);
    return read_words(folded, n) | read_shape(text, len);
}
