// What typedoc cannot know of this code by itself.
import { Application, Comment, CommentTag, Context, Converter, ReflectionKind, TypeScript as ts } from "typedoc";

export function load(app) {
  showFunctions();
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, nameModule);
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, addCategory);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => hidePrivateTypes(app, context));
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => {
    for (const name of undocumented(project)) app.logger.validationWarning(`${name} has no docstring`);
  });
}

/** Operations are constants of a function type (`export const add: Binary = ...`): they are shown as the functions that they are. */
function showFunctions() {
  const { getComment } = Context.prototype;
  Context.prototype.getComment = function (symbol, kind) {
    const comment = getComment.call(this, symbol, kind);
    if (kind !== ReflectionKind.Variable || this.checker.getTypeOfSymbol(symbol).getCallSignatures().length === 0) return comment;
    const marked = comment ?? new Comment();
    marked.modifierTags.add("@function");
    return marked;
  };
}

/** Modules go by the name that one imports. */
function nameModule(_context, reflection) {
  if (reflection.kindOf(ReflectionKind.Module)) reflection.name = reflection.name.replace(/^src\b/, "steppe");
}

/** Operations and methods are grouped by the headings of the files that list them: `// ---- reductions: ...`. */
function addCategory(context, reflection) {
  const declaration = context.getSymbolFromReflection(reflection)?.declarations?.[0];
  const file = declaration?.getSourceFile();
  if (!file || !/src\/tensor\/(ops|making|methods)\.ts$/.test(file.fileName)) return;
  const heading = file.text
    .slice(0, declaration.getStart())
    .matchAll(/^ *\/\/ (?:---- )?(elementwise|reductions|shapes|indexing|linear algebra|networks)\b/gm);
  const name = [...heading].at(-1)?.[1] ?? "making";
  reflection.comment ??= new Comment();
  reflection.comment.blockTags.push(new CommentTag("@category", [{ kind: "text", text: name }]));
}

/** Of the types that are referred to and not exported by an entry point, those stay that their own file exports; graphs and kernels, of which
 *  only internal members speak, go. */
function hidePrivateTypes(app, context) {
  const { project } = context;
  const internal = app.options.getValue("internalModule");
  for (const module of project.getReflectionsByKind(ReflectionKind.Module).filter(({ name }) => name === internal)) {
    for (const reflection of [...(module.children ?? [])]) {
      const declaration = context.getSymbolFromReflection(reflection)?.declarations?.[0];
      if (!declaration) continue;
      const isPrivate = !(ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export);
      if (isPrivate || /\/(kernels|src\/graph)\/(?!tree\.ts)/.test(declaration.getSourceFile().fileName)) project.removeReflection(reflection);
    }
    if (!module.children?.length) project.removeReflection(module);
  }
}

const documented =
  ReflectionKind.ClassOrInterface |
  ReflectionKind.FunctionOrMethod |
  ReflectionKind.Variable |
  ReflectionKind.TypeAlias |
  ReflectionKind.Property |
  ReflectionKind.Accessor;

/** Names of what has no docstring: everything exported and its members, but for fields of types that are written inside of others. */
function undocumented(project) {
  const hasText = ({ comment }) => comment?.hasVisibleComponent() && comment.summary.length > 0;
  const isWithin = (reflection) =>
    reflection.parent && (reflection.parent.kindOf(ReflectionKind.TypeLiteral | ReflectionKind.SomeSignature) || isWithin(reflection.parent));
  return project
    .getReflectionsByKind(documented)
    .filter(
      (one) => !one.isReference() && !isWithin(one) && ![one, one.getSignature, ...(one.signatures ?? [])].some((part) => part && hasText(part)),
    )
    .map(
      (one) => `${one.getFriendlyFullName()} (${ReflectionKind.singularString(one.kind)}, ${one.sources?.[0]?.fileName}:${one.sources?.[0]?.line})`,
    );
}
